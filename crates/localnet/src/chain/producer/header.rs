//! What a block says of itself: height and time, gas price, commitments.

use near_primitives::{
    block::Block as NearBlock,
    block_header::BlockHeaderInnerLite,
    hash::CryptoHash,
    types::{Balance, BlockHeight, Gas},
};

use super::Chain;
use crate::{
    block::{Block, epoch_id},
    runtime::BlockContext,
    state::ChangeLog,
};

impl Chain {
    pub(super) fn context(&self, parent: &Block, height: BlockHeight) -> BlockContext {
        let config = &self.view.genesis.config;
        let since_genesis = height.saturating_sub(config.genesis_height);
        BlockContext {
            height,
            timestamp: self.clock.now_ns().max(parent.lite.timestamp.saturating_add(1)),
            epoch_height: since_genesis / config.epoch_length.max(1) + 1,
            gas_price: parent.next_gas_price,
            gas_limit: config.gas_limit,
            random_value: CryptoHash::hash_borsh((self.seed, parent.random_value, height)),
        }
    }

    pub(super) fn header(&self, parent: &Block, context: &BlockContext) -> BlockHeaderInnerLite {
        let genesis_seed = self.view.history().genesis().inner_rest_hash;
        BlockHeaderInnerLite {
            height: context.height,
            epoch_id: epoch_id(&genesis_seed, context.epoch_height),
            next_epoch_id: epoch_id(&genesis_seed, context.epoch_height + 1),
            prev_state_root: parent.state_root,
            // One shard: the block's root is the root over one chunk's root.
            prev_outcome_root: CryptoHash::hash_borsh(parent.outcome_root()),
            timestamp: context.timestamp,
            next_bp_hash: parent.lite.next_bp_hash,
            block_merkle_root: self.view.history().block_merkle_root(),
        }
    }

    /// The price after a block that burnt this gas at this price.
    pub(super) fn next_gas_price(&self, gas_used: Gas, gas_price: Balance) -> Balance {
        let config = &self.view.genesis.config;
        NearBlock::compute_next_gas_price_checked(
            gas_price,
            gas_used,
            config.gas_limit,
            config.gas_price_adjustment_rate,
            config.min_gas_price,
            config.max_gas_price,
        )
        .unwrap_or(gas_price)
    }
}

/// The last final and the last doomslug-final block as of the block at `height`: a block is near-final when one
/// follows at the next height, and final with two.
pub(super) fn finality(parent: &Block, height: BlockHeight) -> (CryptoHash, CryptoHash) {
    if height != parent.height() + 1 {
        return (parent.last_final, parent.last_ds_final);
    }
    let follows = parent.last_ds_final == parent.prev_hash;
    (if follows { parent.last_ds_final } else { parent.last_final }, parent.hash)
}

/// A commitment to the state: a chain of hashes over changes instead of a trie's root.
pub(super) fn state_root(parent: &CryptoHash, changes: &ChangeLog) -> CryptoHash {
    if changes.is_empty() {
        return *parent;
    }
    let mut bytes = parent.as_bytes().to_vec();
    for (key, change) in changes {
        bytes.extend_from_slice(CryptoHash::hash_bytes(key).as_bytes());
        if let Some(value) = change.last() {
            bytes.extend_from_slice(CryptoHash::hash_bytes(value).as_bytes());
        }
    }
    CryptoHash::hash_bytes(&bytes)
}
