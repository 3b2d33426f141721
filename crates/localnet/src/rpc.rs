//! nearcore's JSON-RPC over the chain. Request and response types are near-jsonrpc-primitives' own.

mod blocks;
mod changes;
mod dispatch;
mod network;
mod params;
mod proofs;
mod query;
mod sandbox;
mod server;
mod transactions;

pub use server::serve;
