//! What the endpoints of unsigned transactions have in common: the body, what the mirror knows of the market and the signer, and
//! the answer. The catalogue of `piecework-client` builds the calls; the rules are those of `piecework-interface`.

mod asked;
mod desk;
pub mod text;

pub use asked::{Asked, BODY_MAX};
pub use desk::{Desk, near};

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{RefOr, Response},
};

use crate::problem::{Code, Problem, documented};

/// The contract would refuse it.
#[must_use]
pub fn impossible(detail: impl Into<String>) -> Problem {
    Problem::new(Code::Impossible, detail)
}

/// What asking for a transaction can fail with.
pub struct TransactionProblems;

impl IntoResponses for TransactionProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[
            Code::BadRequest,
            Code::Refused,
            Code::NotFound,
            Code::SlowBody,
            Code::NotIndexed,
            Code::TooLarge,
            Code::MediaType,
            Code::Impossible,
            Code::Internal,
            Code::Overloaded,
            Code::Database,
            Code::NotReady,
        ])
    }
}
