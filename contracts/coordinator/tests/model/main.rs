//! The rules on a chain in memory: whole lives, each rule, each attack, and random sequences of every call.
#![expect(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong here fails the test"
)]

use piecework_coordinator::testing as chain;

mod check;
mod json;
mod life;
mod market;
mod rules;
mod sequences;
mod sign;
