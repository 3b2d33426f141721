//! Light-client proofs: an outcome in a block, and a block in the chain (nearcore
//! `chain/client/src/view_client_actor.rs`).

use std::sync::Arc;

use near_jsonrpc_primitives::types::light_client::{
    RpcLightClientBlockProofRequest, RpcLightClientBlockProofResponse, RpcLightClientExecutionProofRequest,
    RpcLightClientExecutionProofResponse, RpcLightClientProofError,
};
use near_primitives::{
    hash::CryptoHash,
    merkle::MerklePath,
    types::TransactionOrReceiptId,
    views::{BlockHeaderInnerLiteView, LightClientBlockLiteView},
};

use crate::{block::Block, chain::History, node::Node};

/// `EXPERIMENTAL_light_client_proof`: the outcome, the path to the root that the *next* block's header commits
/// to, and the path of that block to the light client's head. Both blocks have to be final.
pub fn outcome(
    node: &Node,
    request: RpcLightClientExecutionProofRequest,
) -> Result<RpcLightClientExecutionProofResponse, RpcLightClientProofError> {
    let id = match request.id {
        TransactionOrReceiptId::Transaction { transaction_hash, .. } => transaction_hash,
        TransactionOrReceiptId::Receipt { receipt_id, .. } => receipt_id,
    };
    let history = node.chain.history();
    let unknown = || RpcLightClientProofError::UnknownTransactionOrReceipt { transaction_or_receipt_id: id };
    let place = history.outcome(&id).ok_or_else(unknown)?;
    let mut outcome_proof = history.outcome_view(place).ok_or_else(unknown)?;
    let committing = history
        .next_block(place.height)
        .ok_or(RpcLightClientProofError::NotConfirmed { transaction_or_receipt_id: id })?;
    outcome_proof.block_hash = committing.hash;
    let head = find(&history, &request.light_client_head)?;
    Ok(RpcLightClientExecutionProofResponse {
        outcome_proof,
        // One shard, so the shard's root is the only leaf under the block's.
        outcome_root_proof: Vec::new(),
        block_header_lite: lite(&committing),
        block_proof: proof(&history, &committing, &head)?,
    })
}

/// `EXPERIMENTAL_light_client_block_proof`.
pub fn block(
    node: &Node,
    request: RpcLightClientBlockProofRequest,
) -> Result<RpcLightClientBlockProofResponse, RpcLightClientProofError> {
    let history = node.chain.history();
    let block = find(&history, &request.block_hash)?;
    let head = find(&history, &request.light_client_head)?;
    Ok(RpcLightClientBlockProofResponse {
        block_header_lite: lite(&block),
        block_proof: proof(&history, &block, &head)?,
    })
}

fn find(history: &History, hash: &CryptoHash) -> Result<Arc<Block>, RpcLightClientProofError> {
    let error_message = format!("BLOCK HEADER: {hash}");
    history.block_by_hash(hash).ok_or(RpcLightClientProofError::UnknownBlock { error_message })
}

fn proof(history: &History, block: &Block, head: &Block) -> Result<MerklePath, RpcLightClientProofError> {
    check_final(history, [block, head])?;
    if block.ordinal == head.ordinal {
        return Ok(Vec::new());
    }
    if block.ordinal > head.ordinal {
        return Err(RpcLightClientProofError::InternalError {
            error_message: format!("block {} is ahead of head block {}", block.hash, head.hash),
        });
    }
    Ok(history.block_proof(block, head))
}

/// A node proves nothing of a block that a fork could still replace (nearcore `check_blocks_final_and_canonical`).
fn check_final(history: &History, blocks: [&Block; 2]) -> Result<(), RpcLightClientProofError> {
    let last_final = find(history, &history.head().last_final)?;
    match blocks.into_iter().find(|block| block.height() > last_final.height()) {
        Some(block) => Err(RpcLightClientProofError::InternalError {
            error_message: format!("{} not on current chain", block.hash),
        }),
        None => Ok(()),
    }
}

fn lite(block: &Block) -> LightClientBlockLiteView {
    LightClientBlockLiteView {
        prev_block_hash: block.prev_hash,
        inner_rest_hash: block.inner_rest_hash,
        inner_lite: inner_lite(block),
    }
}

/// The part of a header that light clients see.
pub fn inner_lite(block: &Block) -> BlockHeaderInnerLiteView {
    let inner = &block.lite;
    BlockHeaderInnerLiteView {
        height: inner.height,
        epoch_id: inner.epoch_id.0,
        next_epoch_id: inner.next_epoch_id.0,
        prev_state_root: inner.prev_state_root,
        outcome_root: inner.prev_outcome_root,
        timestamp: inner.timestamp,
        timestamp_nanosec: inner.timestamp,
        next_bp_hash: inner.next_bp_hash,
        block_merkle_root: inner.block_merkle_root,
        chunk_execution_root: None,
    }
}
