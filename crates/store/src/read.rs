//! What the gateway asks of the mirror, in the types that it answers. Reads take a connection: [`Reader::acquire`] for one statement,
//! [`Reader::snapshot`] where several must see the same block. Every list has a limit and continues behind a key.

pub mod account;
pub mod batch;
pub mod event;
pub mod ledger;
pub mod lot;
pub mod network;
pub mod node;
mod reader;
pub mod reconciliation;
pub mod result;
pub mod slot;
pub mod token;

pub use reader::{Reader, ReaderOptions, Snapshot, WakeUps};

use crate::{StoreError, columns::named};

/// Converts every row of a list.
fn rows<R, T: TryFrom<R, Error = StoreError>>(rows: Vec<R>) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(T::try_from).collect()
}

/// A number that may be null.
fn optional<T: TryFrom<V>, V: Copy + ToString>(
    value: Option<V>,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    value.map(|value| crate::columns::narrow(value, column)).transpose()
}
