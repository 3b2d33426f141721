//! The actions, one file per kind of thing they touch (nearcore `actions.rs` and its neighbours).

mod accounts;
mod checks;
mod contracts;
mod delegate;
mod global_contracts;
mod keys;
mod stake;
mod state_init;

use near_primitives::errors::ActionErrorKind;

use super::RuntimeError;

/// The outer error stops the node, the inner one fails the receipt.
type ActionOutcome = Result<Result<(), ActionErrorKind>, RuntimeError>;
