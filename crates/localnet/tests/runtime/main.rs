//! The rules of the runtime, on a chain that makes blocks only when told to.
#![allow(non_snake_case, clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod calls;
mod contracts;
mod delegates;
mod gas;
mod gas_keys;
mod global_contracts;
mod harness;
mod keys;
mod persistence;
mod yields;
