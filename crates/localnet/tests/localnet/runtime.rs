//! The rules of the runtime, on a chain that makes blocks only when told to.

mod accounts;
mod calls;
mod conformance;
mod contracts;
mod delayed;
mod delegates;
mod fuzz;
mod gas;
mod gas_keys;
mod global_contracts;
mod harness;
mod host_functions;
mod keys;
mod limits;
mod persistence;
mod stake;
mod state_init;
mod trie;
mod universal;
mod yields;
