//! The chain as clients see it, its rules, and the built binary.
#![allow(non_snake_case, clippy::unwrap_used, clippy::expect_used)]

mod clients;
mod kill;
mod rpc;
mod runtime;
mod workspaces;
