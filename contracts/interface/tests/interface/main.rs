//! Rules, wire forms and their agreement with borsh and serde.
#![allow(non_snake_case, clippy::unwrap_used, clippy::expect_used)]

mod codec;
mod common;
mod draws;
mod event;
mod intent;
mod json;
mod merkle;
mod node;
mod numbers;
mod settlement;
mod tally;
