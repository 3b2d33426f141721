//! Whole blocks for indexers: nearcore's `EXPERIMENTAL_indexer_block`, and the same message over HTTP as the neardata
//! service has it.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use near_indexer_primitives::{
    IndexerChunkView, IndexerExecutionOutcomeWithOptionalReceipt, IndexerExecutionOutcomeWithReceipt, IndexerShard,
    IndexerTransactionWithOutcome, StreamerMessage,
};
use near_jsonrpc_primitives::types::indexer::{RpcIndexerBlockError, RpcIndexerBlockRequest, RpcIndexerBlockResponse};
use near_primitives::{
    hash::CryptoHash,
    trie_key::TrieKey,
    types::{BlockHeight, ShardId, StateChanges, StateChangesExt},
    views::ReceiptView,
};
use serde_json::{Value, json};

use super::{blocks, changes};
use crate::{block::Block, chain::History, node::Node};

/// How long a request for a block that is still to come waits.
const WAIT_LIMIT: Duration = Duration::from_secs(10);
/// How far ahead a request may be to be waited for.
const WAIT_HEIGHTS: BlockHeight = 1_000;

/// Which blocks a stream shows.
#[derive(Clone, Copy)]
pub enum Finality {
    /// Those that are final.
    Final,
    /// All.
    Optimistic,
}

/// `EXPERIMENTAL_indexer_block`.
pub fn indexer_block(
    node: &Node,
    request: RpcIndexerBlockRequest,
) -> Result<RpcIndexerBlockResponse, RpcIndexerBlockError> {
    let history = node.chain.history();
    let block = history.block_by_hash(&request.block_hash).ok_or_else(|| RpcIndexerBlockError::DataUnavailable {
        error_message: format!("DB Not Found Error: BLOCK HEADER: {}", request.block_hash),
    })?;
    let message = message(node, &history, &block)
        .map_err(|error_message| RpcIndexerBlockError::IncompleteData { error_message })?;
    Ok(RpcIndexerBlockResponse { message, tracked_shards: vec![ShardId::new(0)] })
}

/// `GET /v0/last_block/…`: where the newest block is.
pub fn last_block(node: &Node, finality: Finality) -> Redirect {
    let history = node.chain.history();
    match finality {
        Finality::Final => redirect("block", history.final_height()),
        Finality::Optimistic => redirect("block_opt", history.head().height()),
    }
}

/// `GET /v0/first_block`.
pub async fn first_block(State(node): State<Arc<Node>>) -> Redirect {
    let history = node.chain.history();
    // Nothing happens in genesis.
    let first = Some(history.earliest()).filter(|earliest| earliest.prev_height.is_some());
    let first = first.or_else(|| history.next_block(history.genesis().height()));
    redirect("block", first.map_or(history.genesis().height(), |first| first.height()))
}

/// `GET /v0/block/N` and `/v0/block_opt/N`: the block, `null` for a height that was skipped. A block that is about to
/// come is waited for.
pub async fn block(node: &Arc<Node>, Path(height): Path<BlockHeight>, finality: Finality) -> Response {
    let newest = |node: &Node| match finality {
        Finality::Final => node.chain.history().final_height(),
        Finality::Optimistic => node.chain.history().head().height(),
    };
    if height > newest(node).saturating_add(WAIT_HEIGHTS) {
        return failure(StatusCode::NOT_FOUND, "BLOCK_HEIGHT_TOO_HIGH", "the block is too far in the future");
    }
    let mut head = node.head.clone();
    let arrived = tokio::time::timeout(WAIT_LIMIT, async {
        while newest(node) < height {
            if head.changed().await.is_err() {
                return false;
            }
        }
        true
    });
    if !arrived.await.unwrap_or(false) {
        return failure(StatusCode::NOT_FOUND, "BLOCK_HEIGHT_TOO_HIGH", "the block has not been made yet");
    }
    let history = node.chain.history();
    let Some(block) = history.block_at_height(height) else {
        return if height < history.earliest().height() {
            failure(StatusCode::NOT_FOUND, "BLOCK_HEIGHT_TOO_LOW", "the block is no longer kept; see --keep-blocks")
        } else {
            Json(Value::Null).into_response()
        };
    };
    match message(node, &history, &block).and_then(|message| with_transactions(message, &block)) {
        Ok(message) => Json(message).into_response(),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", &error),
    }
}

/// The message with each receipt's transaction, which plain nearcore does not tell.
fn with_transactions(message: StreamerMessage, block: &Block) -> Result<Value, String> {
    let mut message = serde_json::to_value(message).map_err(|error| error.to_string())?;
    let executed = message["shards"][0]["receipt_execution_outcomes"].as_array_mut();
    for (outcome, origin) in executed.into_iter().flatten().zip(&block.origins[block.transactions.len()..]) {
        outcome["tx_hash"] = json!(origin);
    }
    Ok(message)
}

/// A block with everything that happened in it.
fn message(node: &Node, history: &History, block: &Block) -> Result<StreamerMessage, String> {
    let outcome_view = |index| block.outcome_view(index).ok_or_else(|| format!("there is no outcome {index}"));
    let receipt_view = |id: &CryptoHash| -> Result<ReceiptView, String> {
        let receipt = history.any_receipt(id).ok_or_else(|| format!("receipt {id} is no longer kept"))?;
        Ok((*receipt).clone().into())
    };
    // Transactions run before receipts, in their order in the chunk.
    let mut outcomes = block.outcomes.iter().enumerate();
    let mut transactions = Vec::with_capacity(block.transactions.len());
    let mut local_receipts = Vec::new();
    for (tx, (index, outcome)) in block.transactions.iter().zip(outcomes.by_ref()) {
        let receipt = outcome.outcome.receipt_ids.first().map(receipt_view).transpose()?;
        if tx.transaction.signer_id() == tx.transaction.receiver_id() {
            local_receipts.extend(receipt.clone());
        }
        transactions.push(IndexerTransactionWithOutcome {
            transaction: (**tx).clone().into(),
            outcome: IndexerExecutionOutcomeWithOptionalReceipt { execution_outcome: outcome_view(index)?, receipt },
        });
    }
    let receipt_execution_outcomes = outcomes
        .map(|(index, outcome)| {
            let receipt = receipt_view(&outcome.id)?;
            Ok(IndexerExecutionOutcomeWithReceipt { execution_outcome: outcome_view(index)?, receipt })
        })
        .collect::<Result<_, String>>()?;
    let instant = block.created.iter().filter(|receipt| receipt.is_instant_receipt());
    let chunk = IndexerChunkView {
        author: node.validator.account_id.clone(),
        header: blocks::chunk_header(history, block),
        transactions,
        receipts: block.incoming.iter().map(|receipt| (**receipt).clone().into()).collect(),
        local_receipts,
        instant_receipts: instant.map(|receipt| (**receipt).clone().into()).collect(),
    };
    let shown = changes::raw(block, |key| {
        matches!(
            key,
            TrieKey::Account { .. }
                | TrieKey::AccessKey { .. }
                | TrieKey::ContractCode { .. }
                | TrieKey::ContractData { .. }
        )
    });
    let shard = IndexerShard {
        shard_id: ShardId::new(0),
        chunk: Some(chunk),
        receipt_execution_outcomes,
        state_changes: StateChanges::from_changes(shown).into_iter().map(Into::into).collect(),
    };
    Ok(StreamerMessage { block: blocks::block_view(node, history, block), shards: vec![shard] })
}

fn redirect(kind: &str, height: BlockHeight) -> Redirect {
    Redirect::temporary(&format!("/v0/{kind}/{height}"))
}

fn failure(status: StatusCode, kind: &str, error: &str) -> Response {
    (status, Json(json!({ "type": kind, "error": error }))).into_response()
}
