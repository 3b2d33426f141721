//! nearcore's JSON-RPC over the chain. Request and response types are near-jsonrpc-primitives' own.

mod answer;
mod balancer;
mod blocks;
mod changes;
mod dispatch;
mod explorer;
mod faulty;
mod light_client;
mod network;
mod params;
mod proofs;
mod query;
mod sandbox;
mod server;
mod stream;
mod transactions;

pub use server::serve;
