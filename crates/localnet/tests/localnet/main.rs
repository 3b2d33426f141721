//! The chain as clients see it, its rules, and the built binary.
#![expect(
    clippy::as_conversions,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what goes wrong here fails the test"
)]

mod clients;
mod kill;
mod rpc;
mod runtime;
mod workspaces;
