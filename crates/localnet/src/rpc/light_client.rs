//! Following the chain without its blocks: a final header of each epoch, with the validator's approval (nearcore
//! `chain/chain/src/lightclient.rs`, `chain/client/src/view_client_actor.rs`).

use std::sync::Arc;

use near_crypto::Signature;
use near_jsonrpc_primitives::types::light_client::{
    RpcLightClientNextBlockError, RpcLightClientNextBlockRequest, RpcLightClientNextBlockResponse,
};
use near_primitives::{
    block_header::{Approval, ApprovalInner},
    hash::CryptoHash,
    merkle::combine_hash,
    types::{BlockHeight, EpochId},
    views::LightClientBlockView,
};

use super::proofs;
use crate::{block::Block, chain::History, node::Node};

/// `next_light_client_block`: the newest final block if it is in the epoch of the block that the client knows or in the
/// one after, else the last final block of that next epoch; nothing if the client knows it already.
pub fn next_block(
    node: &Node,
    request: RpcLightClientNextBlockRequest,
) -> Result<RpcLightClientNextBlockResponse, RpcLightClientNextBlockError> {
    let history = node.chain.history();
    let find = |hash: &CryptoHash| {
        let error_message = format!("BLOCK HEADER: {hash}");
        history.block_by_hash(hash).ok_or(RpcLightClientNextBlockError::UnknownBlock { error_message })
    };
    let known = find(&request.last_block_hash)?.lite.clone();
    let head = &history.head().lite;
    let found = if [&known.epoch_id, &known.next_epoch_id].contains(&&head.epoch_id) {
        // The first blocks name none as final.
        find(&history.head().last_final)?;
        last_final(&history, head.height, known.height)
    } else {
        last_of_epoch(&history, &known.next_epoch_id, known.height)
    };
    Ok(RpcLightClientNextBlockResponse { light_client_block: found.map(|found| Arc::new(view(node, found))) })
}

/// The approval that the block at `height` carries: of its parent, or that there is none at the height before.
pub fn approval(node: &Node, parent: &CryptoHash, parent_height: BlockHeight, height: BlockHeight) -> Signature {
    let inner = if parent_height + 1 == height {
        ApprovalInner::Endorsement(*parent)
    } else {
        ApprovalInner::Skip(parent_height)
    };
    node.validator.secret_key.sign(&Approval::get_data_for_sig(&inner, height))
}

/// A block and the two after it, at heights one after the other and in one epoch.
type Final = [Arc<Block>; 3];

/// The newest one that ends at or below `limit` and begins above `above`.
fn last_final(history: &History, limit: BlockHeight, above: BlockHeight) -> Option<Final> {
    let mut after_next = history.block_at_or_below(limit)?;
    while after_next.height() > above.checked_add(2)? {
        let next = history.block_by_hash(&after_next.prev_hash)?;
        let block = history.block_by_hash(&next.prev_hash)?;
        let together = block.height() + 2 == after_next.height() && block.lite.epoch_id == after_next.lite.epoch_id;
        if together {
            return Some([block, next, after_next]);
        }
        after_next = next;
    }
    None
}

/// The last one of an epoch, which is that of the block at `above` or the one after it.
fn last_of_epoch(history: &History, epoch_id: &EpochId, above: BlockHeight) -> Option<Final> {
    let own = history.block_at_height(above)?.lite.epoch_id;
    let (mut last, mut height) = (None, above);
    while let Some(block) = history.next_block(height) {
        height = block.height();
        if block.lite.epoch_id == *epoch_id {
            last = Some(height);
        } else if last.is_some() || block.lite.epoch_id != own {
            break;
        }
    }
    last_final(history, last?, above).filter(|[block, ..]| block.lite.epoch_id == *epoch_id)
}

fn view(node: &Node, [block, next, after_next]: Final) -> LightClientBlockView {
    let approval = approval(node, &next.hash, next.height(), after_next.height());
    LightClientBlockView {
        prev_block_hash: block.prev_hash,
        next_block_inner_hash: combine_hash(&CryptoHash::hash_borsh(&next.lite), &next.inner_rest_hash),
        inner_lite: proofs::inner_lite(&block),
        inner_rest_hash: block.inner_rest_hash,
        next_bps: Some(node.chain.genesis.config.validators().into_iter().map(Into::into).collect()),
        approvals_after_next: vec![Some(Box::new(approval))],
    }
}
