//! The agent: its program, its parts, and a simulated market of many.
#![allow(non_snake_case, clippy::unwrap_used, clippy::expect_used)]

mod cli;
mod executor;
mod gateway;
mod simulation;
mod store;
