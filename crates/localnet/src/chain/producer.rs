//! Making blocks. [`Chain`] is the writer, of which there is one; [`ChainView`] is what everyone else holds.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use near_chain_configs::Genesis;
use near_primitives::{
    block::Block as NearBlock,
    block_header::BlockHeaderInnerLite,
    errors::InvalidTxError,
    hash::CryptoHash,
    receipt::Receipt,
    state_record::StateRecord,
    transaction::{SignedTransaction, ValidatedTransaction},
    types::{AccountId, Balance, BlockHeight, BlockHeightDelta, Gas},
};

use super::{
    Block, ChainClock, ChainView, GenesisError,
    block::{block_hash, epoch_id},
    genesis,
    merkle::MerkleTree,
    patch,
};
use crate::{
    runtime::{Applied, BlockContext, BlockInput, Runtime, RuntimeError},
    state::{ChangeLog, Snapshot, StateError, StateUpdate, VersionedState},
};

/// The chain cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The genesis file is wrong.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A block could not be applied.
    #[error("the block at height {height} cannot be applied")]
    Block {
        /// Its height.
        height: BlockHeight,
        /// Why.
        #[source]
        source: RuntimeError,
    },
    /// Stored bytes do not decode.
    #[error(transparent)]
    State(#[from] StateError),
    /// Code was patched into an account that does not exist.
    #[error("cannot patch a contract into {0}, which does not exist; patch its Account record first")]
    PatchWithoutAccount(AccountId),
    /// A patch that makes no sense.
    #[error("cannot patch the state: {0}")]
    Patch(String),
    /// A sum of balances overflows.
    #[error("the total supply overflows at height {0}")]
    Supply(BlockHeight),
}

/// The writing side of the chain. Single-threaded: whoever holds it makes the blocks.
pub struct Chain {
    view: Arc<ChainView>,
    clock: ChainClock,
    keep_blocks: usize,
    incoming: Vec<Receipt>,
    delayed: VecDeque<Receipt>,
    patches: Vec<StateRecord>,
    skip: BlockHeightDelta,
    seed: CryptoHash,
}

impl Chain {
    /// A chain at its genesis. `seed` makes the random values of its blocks.
    ///
    /// # Errors
    /// If the genesis records are not understood.
    pub fn new(
        runtime: Runtime,
        genesis: Genesis,
        clock: ChainClock,
        keep_blocks: usize,
        seed: CryptoHash,
    ) -> Result<Self, ChainError> {
        let mut state = VersionedState::default();
        genesis::load_records(&runtime, &genesis, &mut state)?;
        let block = Arc::new(genesis::genesis_block(&genesis));
        let view = Arc::new(ChainView::new(runtime, genesis, block, state));
        let (incoming, delayed, patches) = (Vec::new(), VecDeque::new(), Vec::new());
        Ok(Self { view, clock, keep_blocks, incoming, delayed, patches, skip: 0, seed })
    }

    /// The shared, readable side.
    pub fn view(&self) -> &Arc<ChainView> {
        &self.view
    }

    /// Queues a transaction; see [`ChainView::submit`].
    ///
    /// # Errors
    /// The error nearcore gives for it.
    pub fn submit(&self, tx: SignedTransaction) -> Result<CryptoHash, InvalidTxError> {
        self.view.submit(tx)
    }

    /// Whether the next block has anything to execute.
    pub fn has_work(&self) -> bool {
        !self.incoming.is_empty() || !self.delayed.is_empty() || !self.patches.is_empty() || self.view.has_pending()
    }

    /// Changes the state at the beginning of the next block.
    pub fn patch_state(&mut self, records: Vec<StateRecord>) {
        self.patches.extend(records);
    }

    /// Skips heights and the time they stand for; the next block is `delta` above the newest one.
    pub fn fast_forward(&mut self, delta: BlockHeightDelta) {
        self.skip = self.skip.saturating_add(delta.saturating_sub(1));
        let heights = u32::try_from(delta).unwrap_or(u32::MAX);
        self.clock.advance(self.clock.per_height.saturating_mul(heights));
    }

    /// Moves block time without skipping heights.
    pub fn advance_time(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    /// Makes the next block from everything that waits.
    ///
    /// # Errors
    /// If the state turns out inconsistent; the chain cannot go on then.
    pub fn produce_block(&mut self) -> Result<Arc<Block>, ChainError> {
        let parent = Arc::clone(self.view.history().head());
        let height = parent.height() + 1 + std::mem::take(&mut self.skip);
        let context = self.context(&parent, height);
        let base = self.apply_patches(&parent)?;
        let transactions = self.take_transactions(&base, &context);
        let signed: Vec<_> = transactions.iter().map(|tx| Arc::new(tx.to_signed_tx().clone())).collect();
        let incoming = std::mem::take(&mut self.incoming);
        let input = BlockInput {
            context: context.clone(),
            transactions,
            delayed: std::mem::take(&mut self.delayed),
            incoming: incoming.clone(),
        };
        let mut applied = self
            .view
            .runtime
            .apply_block(base.snapshot, input)
            .map_err(|source| ChainError::Block { height, source })?;
        let changes = merge(base.patched, std::mem::take(&mut applied.changes));
        let total_supply = total_supply(&parent, &applied).ok_or(ChainError::Supply(height))?;
        self.incoming = applied.outgoing;
        self.delayed = applied.delayed;

        let lite = self.header(&parent, &context);
        let gas = GasPrices { used: applied.gas_used, price: context.gas_price };
        let inner_rest_hash =
            CryptoHash::hash_borsh((context.random_value, context.gas_price.as_yoctonear(), parent.ordinal + 1));
        let last_ds_final = if height == parent.height() + 1 { parent.hash } else { parent.last_ds_final };
        let last_final = if height == parent.height() + 1 && parent.last_ds_final == parent.prev_hash {
            parent.last_ds_final
        } else {
            parent.last_final
        };
        let block = Arc::new(Block {
            hash: block_hash(&lite, &inner_rest_hash, &parent.hash),
            inner_rest_hash,
            prev_hash: parent.hash,
            prev_height: Some(parent.height()),
            ordinal: parent.ordinal + 1,
            last_final,
            last_ds_final,
            random_value: context.random_value,
            gas_price: context.gas_price,
            next_gas_price: self.next_gas_price(&gas)?,
            gas_limit: context.gas_limit,
            epoch_height: context.epoch_height,
            total_supply,
            transactions: signed,
            incoming,
            outcome_tree: MerkleTree::of_outcomes(&applied.outcomes),
            outcomes: applied.outcomes,
            state_root: state_root(&parent.state_root, &changes),
            changes,
            gas_used: applied.gas_used,
            tokens_burnt: applied.tokens_burnt,
            lite,
        });
        self.publish(&block, applied.created);
        Ok(block)
    }

    fn publish(&self, block: &Arc<Block>, created: Vec<Receipt>) {
        let mut state = self.view.state_mut();
        for (key, change) in &block.changes {
            state.put(block.height(), key.clone(), change.last().cloned());
        }
        let mut history = self.view.history_mut();
        history.push(Arc::clone(block), created);
        while let Some(pruned) = history.prune(self.keep_blocks) {
            let oldest = history.earliest();
            let genesis_height = history.genesis().height();
            // The state at genesis stays readable as long as nothing overwrites it; older versions than the
            // oldest kept block's go.
            for key in oldest.changes.keys() {
                state.prune(oldest.height(), key);
            }
            debug_assert!(pruned.height() > genesis_height);
        }
    }

    fn context(&self, parent: &Block, height: BlockHeight) -> BlockContext {
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

    fn header(&self, parent: &Block, context: &BlockContext) -> BlockHeaderInnerLite {
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

    fn next_gas_price(&self, gas: &GasPrices) -> Result<Balance, ChainError> {
        let config = &self.view.genesis.config;
        let next = NearBlock::compute_next_gas_price_checked(
            gas.price,
            gas.used,
            config.gas_limit,
            config.gas_price_adjustment_rate,
            config.min_gas_price,
            config.max_gas_price,
        );
        Ok(next.unwrap_or(gas.price))
    }

    /// Writes patches as versions of the parent, on which the block then builds.
    fn apply_patches(&mut self, parent: &Block) -> Result<Base, ChainError> {
        let snapshot = self.view.snapshot(parent.height());
        if self.patches.is_empty() {
            return Ok(Base { snapshot, patched: BTreeMap::new() });
        }
        let mut update = StateUpdate::new(snapshot.clone());
        patch::apply(&mut update, std::mem::take(&mut self.patches))?;
        let patched = update.finish();
        let mut state = self.view.state_mut();
        for (key, change) in &patched {
            state.put(parent.height(), key.clone(), change.last().cloned());
        }
        Ok(Base { snapshot, patched })
    }

    /// Takes what fits from the pool. Transactions that became invalid meanwhile are dropped, as a chunk
    /// producer does, and the reason is remembered for whoever waits.
    fn take_transactions(&self, base: &Base, context: &BlockContext) -> Vec<ValidatedTransaction> {
        let limit = self.view.runtime.config.congestion_control_config.max_tx_gas;
        let mut state = StateUpdate::new(base.snapshot.clone());
        let mut used = Gas::ZERO;
        let mut taken = Vec::new();
        let waiting = self.view.pool().take();
        let mut waiting = waiting.into_iter();
        for tx in waiting.by_ref() {
            let hash = tx.get_hash();
            let charged = self
                .view
                .check_validity_period(tx.to_tx().block_hash(), context.height - 1)
                .and_then(|()| {
                    let runtime = &self.view.runtime;
                    runtime.charge_transaction(&state, tx.to_tx(), context.gas_price, context.height)
                })
                .and_then(|charged| {
                    charged.write(&mut state, tx.to_tx()).map_err(|error| {
                        InvalidTxError::StorageError(near_primitives::errors::StorageError::StorageInconsistentState(
                            error.to_string(),
                        ))
                    })?;
                    Ok(charged)
                });
            match charged {
                Ok(charged) => {
                    used = used.saturating_add(charged.cost.gas_burnt);
                    taken.push(tx);
                }
                Err(error) => self.view.reject(hash, error),
            }
            if used >= limit {
                break;
            }
        }
        let rest: Vec<_> = waiting.collect();
        if !rest.is_empty() {
            self.view.pool().put_back(rest);
        }
        taken
    }
}

struct Base {
    snapshot: Snapshot,
    patched: ChangeLog,
}

struct GasPrices {
    used: Gas,
    price: Balance,
}

/// What exists after a block: less what was burnt or found nobody, more what the protocol gave.
fn total_supply(parent: &Block, applied: &Applied) -> Option<Balance> {
    parent
        .total_supply
        .checked_add(applied.tokens_minted)?
        .checked_sub(applied.tokens_burnt)?
        .checked_sub(applied.tokens_lost)
}

/// Changes of a patch followed by those of the block it came with.
fn merge(mut first: ChangeLog, second: ChangeLog) -> ChangeLog {
    for (key, change) in second {
        match first.get_mut(&key) {
            Some(earlier) => earlier.values.extend(change.values),
            None => {
                first.insert(key, change);
            }
        }
    }
    first
}

/// A commitment to the state: a chain of hashes over changes instead of a trie's root.
fn state_root(parent: &CryptoHash, changes: &ChangeLog) -> CryptoHash {
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
