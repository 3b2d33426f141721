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

use near_jsonrpc_primitives::errors::RpcError;
use serde::Serialize;
use serde_json::Value;

pub use server::serve;

fn to_value(value: impl Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(value).map_err(|error| RpcError::serialization_error(error.to_string()))
}
