//! One endpoint per file: its parameters, documentation, handler and tests.

#![expect(unused_qualifications, reason = "utoipa's macros name types by paths of their own")]

pub mod accounts;
pub mod batches;
pub mod blobs;
pub mod classes;
pub mod events;
pub mod gold;
pub mod health;
pub mod lots;
pub mod metrics;
pub mod network;
pub mod nodes;
pub mod page;
pub mod problems;
pub mod results;
pub mod stream;
pub mod tokens;
pub mod transactions;

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::indexed::tag;

/// The JSON of one thing, with the journal line that changed it last as its version.
pub struct Versioned<T> {
    /// Line.
    pub updated_seq: u64,
    /// The thing.
    pub body: T,
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        ([(header::ETAG, tag("e", self.updated_seq))], Json(self.body)).into_response()
    }
}
