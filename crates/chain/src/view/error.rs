//! Why something could not be read, and how a node says so.

use super::BlockRef;
use crate::{AccountId, BlockHeight, PublicKey, RpcCallError, RpcError, outcome};
use near_jsonrpc_primitives::types::query::RpcQueryError;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// No endpoint answered.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The view method panicked.
    #[error("view {contract}.{method} failed: {text}")]
    Contract {
        /// Contract account.
        contract: AccountId,
        /// View method.
        method: String,
        /// The stable code the panic text starts with, if any.
        code: Option<String>,
        /// The panic text.
        text: String,
    },
    /// The account holds no contract.
    #[error("account {0} holds no contract; deploy it, or correct the contract account")]
    NoContract(AccountId),
    /// The account does not exist.
    #[error("account {0} does not exist on this network; create it, or correct the account or the network")]
    UnknownAccount(AccountId),
    /// The account does not have this access key.
    #[error("key {0} is not on the account; add it, or use another")]
    UnknownKey(PublicKey),
    /// The block is too old for every endpoint.
    #[error("block {0} is no longer kept by {1}; add an archival RPC endpoint")]
    GarbageCollected(BlockHeight, String),
    /// No endpoint knows the block.
    #[error(
        "block {block:?} is unknown to {endpoint}: skipped, not produced yet, or too old; an archival endpoint keeps old blocks"
    )]
    UnknownBlock {
        /// The block asked for.
        block: BlockRef,
        /// The endpoint that said so.
        endpoint: String,
    },
    /// Arguments could not be written, or the result not read, in the expected form.
    #[error(
        "{what} of {contract}.{method} has an unexpected form; the contract and this program are of different versions"
    )]
    Decode {
        /// "the arguments" or "the result".
        what: &'static str,
        /// Contract account.
        contract: AccountId,
        /// View method.
        method: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Another answer of the node.
    #[error("RPC endpoint {endpoint} cannot answer: {reason}")]
    Other {
        /// The endpoint.
        endpoint: String,
        /// The node's words.
        reason: String,
    },
}

impl<E: std::fmt::Display> From<RpcCallError<E>> for ViewError {
    fn from(error: RpcCallError<E>) -> Self {
        match error {
            RpcCallError::Rpc(error) => error.into(),
            RpcCallError::Handler { endpoint, error } => Self::Other { endpoint, reason: error.to_string() },
        }
    }
}

pub(super) fn view_error(
    error: RpcCallError<RpcQueryError>,
    block: BlockRef,
    call: Option<(AccountId, String)>,
) -> ViewError {
    let (endpoint, error) = match error {
        RpcCallError::Rpc(error) => return error.into(),
        RpcCallError::Handler { endpoint, error } => (endpoint, error),
    };
    match error {
        RpcQueryError::UnknownAccount { requested_account_id: account_id, .. } => ViewError::UnknownAccount(account_id),
        RpcQueryError::UnknownAccessKey { public_key, .. } => ViewError::UnknownKey(public_key),
        RpcQueryError::NoContractCode { contract_account_id: contract, .. } => ViewError::NoContract(contract),
        RpcQueryError::GarbageCollectedBlock { block_height, .. } => {
            ViewError::GarbageCollected(block_height, endpoint)
        }
        RpcQueryError::UnknownBlock { .. } => ViewError::UnknownBlock { block, endpoint },
        RpcQueryError::ContractExecutionError { error, .. } if let Some((contract, method)) = call => {
            let text = outcome::call_error_text(&error);
            if text.contains("CodeDoesNotExist") {
                return ViewError::NoContract(contract);
            }
            ViewError::Contract { code: outcome::error_code(&text), contract, method, text }
        }
        error => ViewError::Other { endpoint, reason: error.to_string() },
    }
}
