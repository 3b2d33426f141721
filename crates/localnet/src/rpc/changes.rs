//! State changes of a block, with the receipt or transaction that caused each.

use near_jsonrpc_primitives::types::changes::{
    RpcStateChangesError, RpcStateChangesInBlockByTypeRequest, RpcStateChangesInBlockByTypeResponse,
    RpcStateChangesInBlockRequest, RpcStateChangesInBlockResponse,
};
use near_primitives::{
    trie_key::TrieKey,
    types::{
        AccountId, BlockReference, RawStateChangesWithTrieKey, StateChanges, StateChangesExt, StateChangesKinds,
        StateChangesKindsExt,
    },
    views::{StateChangesRequestView, StateChangesView},
};

use super::blocks::missing;
use crate::{block::Block, node::Node};

/// `EXPERIMENTAL_changes`.
pub fn by_kind(
    node: &Node,
    request: RpcStateChangesInBlockByTypeRequest,
) -> Result<RpcStateChangesInBlockResponse, RpcStateChangesError> {
    let block = find(node, &request.block_reference)?;
    let changes = match request.state_changes_request {
        StateChangesRequestView::AccountChanges { account_ids } => {
            let wanted = select(&block, &account_ids, |key| matches!(key, TrieKey::Account { .. }));
            StateChanges::from_account_changes(wanted)
        }
        StateChangesRequestView::SingleAccessKeyChanges { keys } => {
            let wanted = raw(&block, |key| {
                keys.iter().any(|wanted| *key == TrieKey::access_key(wanted.account_id.clone(), &wanted.public_key))
            });
            StateChanges::from_access_key_changes(wanted)
        }
        StateChangesRequestView::AllAccessKeyChanges { account_ids } => {
            let is_key = |key: &TrieKey| matches!(key, TrieKey::AccessKey { .. } | TrieKey::GasKeyNonce { .. });
            StateChanges::from_access_key_changes(select(&block, &account_ids, is_key))
        }
        StateChangesRequestView::ContractCodeChanges { account_ids } => {
            let wanted = select(&block, &account_ids, |key| matches!(key, TrieKey::ContractCode { .. }));
            StateChanges::from_contract_code_changes(wanted)
        }
        StateChangesRequestView::DataChanges { account_ids, key_prefix } => {
            let wanted = select(
                &block,
                &account_ids,
                |key| matches!(key, TrieKey::ContractData { key, .. } if key.starts_with(&key_prefix)),
            );
            StateChanges::from_data_changes(wanted)
        }
    };
    let changes: StateChangesView = changes.into_iter().map(Into::into).collect();
    Ok(RpcStateChangesInBlockResponse { block_hash: block.hash, changes })
}

/// `EXPERIMENTAL_changes_in_block`.
pub fn in_block(
    node: &Node,
    request: RpcStateChangesInBlockRequest,
) -> Result<RpcStateChangesInBlockByTypeResponse, RpcStateChangesError> {
    let block = find(node, &request.block_reference)?;
    let kinds = StateChangesKinds::from_changes(&mut raw(&block, |_| true));
    let changes = kinds.into_iter().map(Into::into).collect();
    Ok(RpcStateChangesInBlockByTypeResponse { block_hash: block.hash, changes })
}

fn find(node: &Node, reference: &BlockReference) -> Result<std::sync::Arc<Block>, RpcStateChangesError> {
    let history = node.chain.history();
    history
        .block(reference)
        .ok_or_else(|| RpcStateChangesError::UnknownBlock { error_message: missing(&history, reference, "BLOCK") })
}

fn select<'a>(
    block: &'a Block,
    account_ids: &'a [AccountId],
    kind: impl Fn(&TrieKey) -> bool + 'a,
) -> impl Iterator<Item = RawStateChangesWithTrieKey> + 'a {
    raw(block, move |key| kind(key) && key.get_account_id().is_some_and(|id| account_ids.contains(&id)))
}

/// The changes of keys that are wanted.
pub fn raw<'a>(
    block: &'a Block,
    wanted: impl Fn(&TrieKey) -> bool + 'a,
) -> impl Iterator<Item = RawStateChangesWithTrieKey> + 'a {
    block.changes.values().filter(move |change| wanted(&change.trie_key)).map(|change| change.to_raw())
}
