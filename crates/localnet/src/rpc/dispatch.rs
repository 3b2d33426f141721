//! From method names to handlers.

use std::sync::Arc;

use near_jsonrpc_primitives::{errors::RpcError, types::congestion::RpcCongestionLevelRequest};
use serde::Serialize;
use serde_json::Value;

use super::{blocks, changes, light_client, network, params, proofs, query, sandbox, stream, to_value, transactions};
use crate::node::Node;

/// Runs one method.
pub async fn call(node: &Arc<Node>, method: &str, params: Value) -> Result<Value, RpcError> {
    match method {
        "block" => reply(blocks::block(node, params::block(params)?)),
        "chunk" => reply(blocks::chunk(node, params::chunk(params)?)),
        "gas_price" => reply(blocks::gas_price(node, params::parse(params)?)),
        "query" => query::query(node, params::query(params)?).await,
        "send_tx" => reply(transactions::send(node, params::send_tx(params)?).await),
        "broadcast_tx_commit" => reply(transactions::commit(node, params::send_tx(params)?).await),
        "broadcast_tx_async" => {
            let transaction = params::send_tx(params)?.signed_transaction;
            reply(Ok::<_, RpcError>(transactions::send_async(node, transaction).await))
        }
        "tx" => reply(transactions::status(node, params::tx_status(params)?, false).await),
        "EXPERIMENTAL_tx_status" => reply(transactions::status(node, params::tx_status(params)?, true).await),
        "EXPERIMENTAL_receipt" => reply(transactions::receipt(node, params::parse(params)?)),
        "changes" | "EXPERIMENTAL_changes" => reply(changes::by_kind(node, params::parse(params)?)),
        "block_effects" | "EXPERIMENTAL_changes_in_block" => reply(changes::in_block(node, params::parse(params)?)),
        "light_client_proof" | "EXPERIMENTAL_light_client_proof" => {
            reply(proofs::outcome(node, params::parse(params)?))
        }
        "EXPERIMENTAL_light_client_block_proof" => reply(proofs::block(node, params::parse(params)?)),
        "next_light_client_block" => reply(light_client::next_block(node, params::parse(params)?)),
        "EXPERIMENTAL_congestion_level" => {
            let chunk_reference = params::chunk(params)?.chunk_reference;
            reply(blocks::congestion_level(node, RpcCongestionLevelRequest { chunk_reference }))
        }
        "maintenance_windows" | "EXPERIMENTAL_maintenance_windows" => {
            reply(Ok::<_, RpcError>(network::maintenance_windows(node, &params::parse(params)?)))
        }
        "status" => reply(Ok::<_, RpcError>(network::status(node))),
        "health" => Ok(Value::Null),
        "network_info" => reply(Ok::<_, RpcError>(network::network_info())),
        "validators" => reply(network::validators(node, &params::validators(params)?)),
        "EXPERIMENTAL_validators_ordered" => reply(network::validators_ordered(node, params::parse(params)?)),
        "genesis_config" | "EXPERIMENTAL_genesis_config" => reply(Ok::<_, RpcError>(&node.chain.genesis.config)),
        "EXPERIMENTAL_protocol_config" => reply(network::protocol_config(node, params::parse(params)?)),
        "EXPERIMENTAL_indexer_block" if node.rules.indexer_blocks => {
            reply(stream::indexer_block(node, params::parse(params)?))
        }
        method if method.starts_with("sandbox_") => sandbox::call(node, method, params).await,
        _ => Err(RpcError::method_not_found(method.to_owned())),
    }
}

fn reply<T: Serialize, E: Into<RpcError>>(result: Result<T, E>) -> Result<Value, RpcError> {
    to_value(result.map_err(Into::into)?)
}
