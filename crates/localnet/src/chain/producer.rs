//! Making blocks. [`Chain`] is the writer, of which there is one; [`ChainView`] is what everyone else holds.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use near_chain_configs::Genesis;
use near_primitives::{
    block::Block as NearBlock,
    block_header::BlockHeaderInnerLite,
    congestion_info::{CongestionControl, CongestionInfo},
    errors::InvalidTxError,
    hash::CryptoHash,
    receipt::{Receipt, VersionedReceiptEnum},
    state_record::StateRecord,
    transaction::{ExecutionOutcomeWithId, SignedTransaction, ValidatedTransaction},
    types::{AccountId, Balance, BlockHeight, BlockHeightDelta, Gas},
};

use super::{
    Block, ChainClock, ChainView, GenesisError, History,
    block::{block_hash, epoch_id},
    disk::{self, Carried},
    genesis,
    merkle::MerkleTree,
    patch,
};
use crate::{
    runtime::{Applied, BlockContext, BlockInput, Runtime, RuntimeError},
    state::{ChangeLog, Snapshot, StateError, StateUpdate},
    store::{self, Carry, Layout, Store, StoreError},
};

/// Old blocks dropped from memory with each new one.
const PRUNED_PER_BLOCK: usize = 4;

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
    /// The chain on disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A moment before the newest block's.
    #[error(
        "{asked_ns} is not after the newest block's time, {newest_ns}; block times only grow, so restore a snapshot"
    )]
    TimeGoesForward {
        /// What was asked for, in nanoseconds since the epoch.
        asked_ns: u64,
        /// The newest block's.
        newest_ns: u64,
    },
    /// A sum of balances overflows.
    #[error("the total supply overflows at height {0}")]
    Supply(BlockHeight),
}

/// The writing side of the chain. Single-threaded: whoever holds it makes the blocks.
pub struct Chain {
    pub(super) view: Arc<ChainView>,
    pub(super) clock: ChainClock,
    pub(super) keep_blocks: usize,
    pub(super) incoming: Vec<Arc<Receipt>>,
    pub(super) delayed: VecDeque<Receipt>,
    pub(super) origins: HashMap<CryptoHash, CryptoHash>,
    pub(super) patches: Vec<StateRecord>,
    pub(super) skip: BlockHeightDelta,
    seed: CryptoHash,
    pub(super) store: Option<Store>,
    pub(super) broken: bool,
    /// The heights at which the newest finished logs begin. What is older than these is only on disk.
    pub(super) recent_logs: VecDeque<BlockHeight>,
    pub(super) page_out_below: BlockHeight,
}

impl Chain {
    /// A chain at its genesis, or, with a directory, where it was left. `seed` makes the random values of its
    /// blocks.
    ///
    /// # Errors
    /// If the genesis records are not understood, or the directory is unusable.
    pub fn new(
        runtime: Runtime,
        genesis: Genesis,
        clock: ChainClock,
        keep_blocks: usize,
        seed: CryptoHash,
        layout: Option<&Layout>,
    ) -> Result<Self, ChainError> {
        let start = genesis::start(&runtime, &genesis)?;
        let genesis_block = Arc::clone(&start.blocks[0]);
        let (store, mut recovered) = match layout {
            Some(layout) => {
                let (store, recovered) = store::open(layout, store::lock(layout)?, start)?;
                (Some(store), recovered)
            }
            None => (None, start),
        };
        let state = std::mem::take(&mut recovered.state);
        let carried = Carried::from(&mut recovered);
        let history = History::new(genesis_block, recovered.blocks, recovered.archive, recovered.tree);
        let view = Arc::new(ChainView::new(runtime, genesis, history, state));
        let mut chain = Self {
            view,
            clock,
            keep_blocks,
            incoming: Vec::new(),
            delayed: VecDeque::new(),
            origins: HashMap::new(),
            patches: Vec::new(),
            skip: 0,
            seed,
            store,
            broken: false,
            recent_logs: VecDeque::new(),
            page_out_below: 0,
        };
        chain.carry_on(carried);
        Ok(chain)
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

    /// Leaves out heights without moving time, as when producers miss their turns.
    pub fn skip_heights(&mut self, count: BlockHeightDelta) {
        self.skip = self.skip.saturating_add(count);
    }

    /// Moves block time without skipping heights.
    pub fn advance_time(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    /// Moves block time to a later moment, in nanoseconds since the epoch, without skipping heights.
    ///
    /// # Errors
    /// If the newest block is as late already: block times only grow.
    pub fn set_time(&mut self, timestamp_ns: u64) -> Result<(), ChainError> {
        let newest_ns = self.view.history().head().lite.timestamp;
        if timestamp_ns <= newest_ns {
            return Err(ChainError::TimeGoesForward { asked_ns: timestamp_ns, newest_ns });
        }
        self.clock.set(timestamp_ns);
        Ok(())
    }

    /// Whether the chain on disk was lost in the middle of a restore.
    pub fn is_broken(&self) -> bool {
        self.broken
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
        let transactions = self.take_transactions(&parent, &base, &context);
        let signed: Vec<_> = transactions.iter().map(|tx| Arc::new(tx.to_signed_tx().clone())).collect();
        let incoming = std::mem::take(&mut self.incoming);
        let input = BlockInput {
            context: context.clone(),
            transactions,
            delayed: std::mem::take(&mut self.delayed),
            incoming: incoming.iter().map(|receipt| (**receipt).clone()).collect(),
        };
        let mut applied = self
            .view
            .runtime
            .apply_block(base.snapshot, input)
            .map_err(|source| ChainError::Block { height, source })?;
        let changes = merge(base.patched, std::mem::take(&mut applied.changes));
        let total_supply = total_supply(&parent, &applied).ok_or(ChainError::Supply(height))?;
        // Blocks stay for long; what their lists have room for beyond what is in them would, too.
        applied.outcomes.shrink_to_fit();
        let mut created: Vec<_> = applied.created.into_iter().map(Arc::new).collect();
        created.shrink_to_fit();
        self.incoming = share(applied.outgoing, &created);
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
        let origins = self.trace(&applied.outcomes);
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
            origins,
            created,
            state_root: state_root(&parent.state_root, &changes),
            changes,
            congestion: congestion(&self.delayed),
            gas_used: applied.gas_used,
            tokens_burnt: applied.tokens_burnt,
            lite,
        });
        if let Some(store) = &mut self.store {
            let carry = Carry {
                outgoing: self.incoming.iter().map(|receipt| *receipt.receipt_id()).collect(),
                delayed: self.delayed.iter().map(|receipt| *receipt.receipt_id()).collect(),
                clock_offset_ns: disk::offset_ns(&self.clock),
            };
            store.append(&block, &carry)?;
        }
        self.publish(&block);
        if self.store.as_ref().is_some_and(Store::is_full) {
            self.finish_log(false)?;
        }
        Ok(block)
    }

    /// The transactions that outcomes go back to; remembers those of the receipts they sent.
    fn trace(&mut self, outcomes: &[ExecutionOutcomeWithId]) -> Vec<CryptoHash> {
        let mut traced = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let origin = self.origins.remove(&outcome.id).unwrap_or(outcome.id);
            self.origins.extend(outcome.outcome.receipt_ids.iter().map(|receipt_id| (*receipt_id, origin)));
            traced.push(origin);
        }
        traced
    }

    fn publish(&self, block: &Arc<Block>) {
        let mut state = self.view.state_mut();
        for (key, change) in &block.changes {
            state.put(block.height(), key.clone(), change.last().cloned());
        }
        let mut history = self.view.history_mut();
        history.push(Arc::clone(block));
        // A few blocks at a time, so that no block waits for a whole log to be dropped.
        for _ in 0..PRUNED_PER_BLOCK {
            let pruned = match &self.store {
                Some(_) => history.page_out(self.page_out_below),
                None => history.prune(self.keep_blocks),
            };
            if !pruned {
                break;
            }
            let oldest = history.oldest_with_state();
            for key in oldest.changes.keys() {
                state.prune(oldest.height(), key);
            }
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
    fn take_transactions(&self, parent: &Block, base: &Base, context: &BlockContext) -> Vec<ValidatedTransaction> {
        // The more receipts wait, the fewer transactions come in, as on NEAR.
        let config = self.view.runtime.config.congestion_control_config;
        let limit = CongestionControl::new(config, parent.congestion, 0).process_tx_limit();
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

/// The gas attached to delayed receipts. Fees of their actions, small beside it, are left out.
fn congestion(delayed: &VecDeque<Receipt>) -> CongestionInfo {
    let mut info = CongestionInfo::default();
    for receipt in delayed {
        if let VersionedReceiptEnum::Action(action) = receipt.versioned_receipt() {
            let attached =
                action.actions().iter().fold(Gas::ZERO, |sum, one| sum.saturating_add(one.get_prepaid_gas()));
            // The sum is far from the end of its type.
            let _ = info.add_delayed_receipt_gas(attached);
        }
    }
    info
}

/// Receipts as those among `created`, in whose order they are, so that a block and its child share them.
fn share(outgoing: Vec<Receipt>, created: &[Arc<Receipt>]) -> Vec<Arc<Receipt>> {
    let mut created = created.iter();
    outgoing
        .into_iter()
        .map(|receipt| {
            let same = created.clone().position(|other| other.receipt_id() == receipt.receipt_id());
            same.and_then(|position| created.nth(position)).map_or_else(|| Arc::new(receipt), Arc::clone)
        })
        .collect()
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
