//! The agent: its program, its parts, and a simulated market of many.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what goes wrong here fails the test")]

mod cli;
mod executor;
mod gateway;
mod simulation;
mod store;
