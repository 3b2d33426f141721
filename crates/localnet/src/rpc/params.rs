//! Parameters as objects, or as the arrays that older clients send.

use near_jsonrpc_primitives::{
    errors::RpcParseError,
    types::{
        blocks::RpcBlockRequest,
        chunks::{ChunkReference, RpcChunkRequest},
        query::RpcQueryRequest,
        transactions::{RpcSendTransactionRequest, RpcTransactionStatusRequest, TransactionInfo},
        validator::RpcValidatorRequest,
    },
};
use near_primitives::{
    serialize::from_base64,
    transaction::SignedTransaction,
    types::{BlockReference, EpochReference},
    views::QueryRequest,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

type Result<T> = std::result::Result<T, RpcParseError>;

/// Longest path and data of the old path-style queries.
const QUERY_DATA_MAX_BYTES: usize = 10 * 1024;

/// Parses a value into a request type: an object, or an array of the fields' values, such as `[block_id]` or `[null]`.
pub fn parse<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| RpcParseError(format!("Failed parsing args: {error}")))
}

/// `{"block_id"| "finality" | "sync_checkpoint"}` or `[block_id]`.
pub fn block(value: Value) -> Result<RpcBlockRequest> {
    match singleton(&value) {
        Some(block_id) => Ok(RpcBlockRequest { block_reference: BlockReference::BlockId(parse(block_id)?) }),
        None => parse(value),
    }
}

/// An object, `[[block_id, shard_id]]` or `[chunk_hash]`.
pub fn chunk(value: Value) -> Result<RpcChunkRequest> {
    let Some(inner) = singleton(&value) else { return parse(value) };
    let chunk_reference = if inner.is_array() {
        let (block_id, shard_id) = parse(inner)?;
        ChunkReference::BlockShardId { block_id, shard_id }
    } else {
        ChunkReference::ChunkHash { chunk_id: parse(inner)? }
    };
    Ok(RpcChunkRequest { chunk_reference })
}

/// `{"signed_tx_base64", "wait_until"?}` or `[signed_tx_base64]`.
pub fn send_tx(value: Value) -> Result<RpcSendTransactionRequest> {
    match singleton(&value) {
        Some(encoded) => {
            Ok(RpcSendTransactionRequest { signed_transaction: transaction(encoded)?, wait_until: Default::default() })
        }
        None if value.is_array() => {
            Err(RpcParseError("Unable to parse send request: too many params passed".to_owned()))
        }
        None => parse(value),
    }
}

/// An object, `[tx_hash, sender_id]` or `[signed_tx_base64]`.
pub fn tx_status(value: Value) -> Result<RpcTransactionStatusRequest> {
    let transaction_info = match singleton(&value) {
        Some(encoded) => transaction(encoded)?.into(),
        None if value.is_array() => {
            let (tx_hash, sender_account_id) = parse(value)?;
            TransactionInfo::TransactionId { tx_hash, sender_account_id }
        }
        None => return parse(value),
    };
    Ok(RpcTransactionStatusRequest { transaction_info, wait_until: Default::default() })
}

/// An object, `[block_id]` or `[null]`.
pub fn validators(value: Value) -> Result<RpcValidatorRequest> {
    let epoch_reference = match singleton(&value) {
        Some(Value::Null) => EpochReference::Latest,
        Some(block_id) => EpochReference::BlockId(parse(block_id)?),
        None if value == "latest" => EpochReference::Latest,
        None => return parse(value),
    };
    Ok(RpcValidatorRequest { epoch_reference })
}

/// An object, or `[path, data]` of the first version of the API.
pub fn query(value: Value) -> Result<RpcQueryRequest> {
    if !value.is_array() {
        return parse(value);
    }
    let (path, data): (String, String) = parse(value)?;
    path_query(&path, &data)
}

fn path_query(path: &str, data: &str) -> Result<RpcQueryRequest> {
    let incomplete = || RpcParseError("Not enough query parameters provided".to_owned());
    let mut parts = path.splitn(3, '/');
    let command = parts.next().ok_or_else(incomplete)?;
    let account_id = parts.next().ok_or_else(incomplete)?.parse().map_err(|error| RpcParseError(format!("{error}")))?;
    let extra = parts.next();
    let decode = || {
        if path.len() + data.len() > QUERY_DATA_MAX_BYTES {
            return Err(RpcParseError("Query data size is too large".to_owned()));
        }
        bs58::decode(data).into_vec().map_err(|error| RpcParseError(error.to_string()))
    };
    let request = match (command, extra) {
        ("account", _) => QueryRequest::ViewAccount { account_id },
        ("access_key", None) => QueryRequest::ViewAccessKeyList { account_id, after_key: None, limit: None },
        ("access_key", Some(key)) => QueryRequest::ViewAccessKey {
            account_id,
            public_key: key.parse().map_err(|_| RpcParseError("Invalid public key".to_owned()))?,
        },
        ("code", _) => QueryRequest::ViewCode { account_id },
        ("contract", _) => QueryRequest::ViewState {
            account_id,
            prefix: decode()?.into(),
            after_key: None,
            limit: None,
            include_proof: false,
        },
        ("call", Some(method)) => {
            QueryRequest::CallFunction { account_id, method_name: method.to_owned(), args: decode()?.into() }
        }
        ("call", None) => return Err(RpcParseError("Method name is missing".to_owned())),
        _ => return Err(RpcParseError(format!("Unknown path {command}"))),
    };
    Ok(RpcQueryRequest { block_reference: BlockReference::latest(), request })
}

fn singleton(value: &Value) -> Option<Value> {
    match value.as_array().map(Vec::as_slice) {
        Some([only]) => Some(only.clone()),
        _ => None,
    }
}

fn transaction(value: Value) -> Result<SignedTransaction> {
    let failed = |error: &dyn std::fmt::Display| RpcParseError(format!("Failed to decode transaction: {error}"));
    let encoded: String = parse(value)?;
    let bytes = from_base64(&encoded).map_err(|error| failed(&error))?;
    borsh::from_slice(&bytes).map_err(|error| failed(&error))
}
