//! The actions, one file per kind of thing they touch (nearcore `actions.rs` and its neighbours).

mod accounts;
mod checks;
mod contracts;
mod delegate;
mod global_contracts;
mod keys;
mod stake;
mod state_init;

use super::errors::ActionFailure;

type ActionOutcome = Result<(), ActionFailure>;
