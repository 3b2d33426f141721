//! Rules, wire forms and their agreement with borsh and serde.
#![expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what goes wrong here fails the test"
)]

mod codec;
mod common;
mod draws;
mod event;
mod intent;
mod json;
mod merkle;
mod naive;
mod node;
mod numbers;
mod settlement;
mod tally;
mod vectors;
