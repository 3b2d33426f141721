//! The market of the coordinator's model tests, for the targets: the same chain in memory and the same invariants.
#![expect(missing_docs, clippy::expect_used, clippy::unwrap_used, reason = "what goes wrong here fails the test")]

pub use piecework_coordinator::testing as chain;

#[path = "../../coordinator/tests/model/check.rs"]
pub mod check;
#[path = "../../coordinator/tests/model/market.rs"]
pub mod market;
#[path = "../../coordinator/tests/model/sign.rs"]
pub mod sign;
