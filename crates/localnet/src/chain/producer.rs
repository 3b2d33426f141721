//! Making blocks. [`Chain`] is the writer, of which there is one; [`ChainView`] is what everyone else holds.

mod disk;
mod header;
mod patch;
mod selection;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use near_chain_configs::Genesis;
use near_primitives::{
    errors::InvalidTxError,
    hash::CryptoHash,
    receipt::Receipt,
    state_record::StateRecord,
    transaction::{ExecutionOutcomeWithId, SignedTransaction},
    types::{Balance, BlockHeight, BlockHeightDelta},
};

use header::{finality, state_root};
use patch::merge;
use selection::congestion;

use super::{ChainClock, ChainError, ChainView, History, Keep, genesis, lagging::Lagging};
use crate::{
    block::{Block, MerkleTree, block_hash},
    runtime::{Applied, BlockInput, Runtime},
    store::{self, Carry, Layout, Recovered, Store},
};

/// Old blocks dropped from memory with each new one.
const PRUNED_PER_BLOCK: usize = 4;

/// The writing side of the chain. Single-threaded: whoever holds it makes the blocks.
pub struct Chain {
    view: Arc<ChainView>,
    clock: ChainClock,
    keep: Keep,
    incoming: Vec<Arc<Receipt>>,
    delayed: VecDeque<Receipt>,
    origins: HashMap<CryptoHash, CryptoHash>,
    patches: Vec<StateRecord>,
    skip: BlockHeightDelta,
    seed: CryptoHash,
    store: Option<Store>,
    broken: bool,
    /// The heights at which the newest finished logs begin. What is older than these is only on disk.
    recent_logs: VecDeque<BlockHeight>,
    page_out_below: BlockHeight,
    lagging: Option<Lagging>,
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
        keep: Keep,
        seed: CryptoHash,
        layout: Option<&Layout>,
    ) -> Result<Self, ChainError> {
        let start = genesis::start(&runtime, &genesis)?;
        let genesis_block = Arc::clone(&start.blocks[0]);
        let (store, recovered) = match layout {
            Some(layout) => {
                let (store, recovered) = store::open(layout, store::lock(layout)?, start)?;
                (Some(store), recovered)
            }
            None => (None, start),
        };
        let Recovered { blocks, state, incoming, delayed, origins, clock_offset, tree, archive } = recovered;
        let history = History::new(genesis_block, blocks, archive, tree, keep);
        Ok(Self {
            view: Arc::new(ChainView::new(runtime, genesis, history, state)),
            clock: ChainClock { offset: clock_offset, ..clock },
            keep,
            incoming,
            delayed,
            origins,
            patches: Vec::new(),
            skip: 0,
            seed,
            store,
            broken: false,
            recent_logs: VecDeque::new(),
            page_out_below: 0,
            lagging: None,
        })
    }

    /// Gives the chain a second readable side that is up to `most` blocks behind ([`super::MOST_BEHIND`] at most).
    pub fn lag_behind(&mut self, most: u64, seed: u64) {
        self.lagging = Some(Lagging::new(&self.view, most, seed));
    }

    /// The readable side that lags, if there is one.
    pub fn lagging(&self) -> Option<&Arc<ChainView>> {
        self.lagging.as_ref().map(Lagging::view)
    }

    /// Brings the side that lags up to date, for when no blocks come that would.
    pub fn catch_up(&mut self) {
        if let Some(lagging) = &mut self.lagging {
            lagging.catch_up(&self.view.history());
        }
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
        let base = self.view.snapshot(parent.height());
        let patched = self.apply_patches(&parent)?;
        let transactions = self.take_transactions(&parent, &base, &context);
        let signed: Vec<_> = transactions.iter().map(|tx| Arc::new(tx.to_signed_tx().clone())).collect();
        let incoming = std::mem::take(&mut self.incoming);
        let input = BlockInput {
            context: context.clone(),
            transactions,
            delayed: std::mem::take(&mut self.delayed),
            incoming: incoming.iter().map(|receipt| (**receipt).clone()).collect(),
        };
        let mut applied =
            self.view.runtime.apply_block(base, input).map_err(|source| ChainError::Block { height, source })?;
        let changes = merge(patched, std::mem::take(&mut applied.changes));
        let total_supply = total_supply(&parent, &applied).ok_or(ChainError::Supply(height))?;
        // Blocks stay for long; what their lists have room for beyond what is in them would, too.
        applied.outcomes.shrink_to_fit();
        let mut created: Vec<_> = applied.created.into_iter().map(Arc::new).collect();
        created.shrink_to_fit();
        self.incoming = share(applied.outgoing, &created);
        self.delayed = applied.delayed;

        let lite = self.header(&parent, &context);
        let inner_rest_hash =
            CryptoHash::hash_borsh((context.random_value, context.gas_price.as_yoctonear(), parent.ordinal + 1));
        let (last_final, last_ds_final) = finality(&parent, height);
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
            next_gas_price: self.next_gas_price(applied.gas_used, context.gas_price),
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
            congestion: congestion(&self.view.runtime.config, &self.delayed),
            gas_used: applied.gas_used,
            tokens_burnt: applied.tokens_burnt,
            proposals: applied.proposals,
            lite,
        });
        if let Some(store) = &mut self.store {
            let carry = Carry {
                outgoing: self.incoming.iter().map(|receipt| *receipt.receipt_id()).collect(),
                delayed: self.delayed.iter().map(|receipt| *receipt.receipt_id()).collect(),
                clock_offset_ns: self.clock.offset_ns(),
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

    fn publish(&mut self, block: &Arc<Block>) {
        let mut state = self.view.state.write();
        state.put_all(block.height(), &block.changes);
        let mut history = self.view.history.write();
        history.push(Arc::clone(block));
        // A few blocks at a time, so that no block waits for a whole log to be dropped.
        for _ in 0..PRUNED_PER_BLOCK {
            let pruned = match &self.store {
                Some(_) => history.page_out(self.page_out_below),
                None => history.prune(),
            };
            if !pruned {
                break;
            }
            let oldest = history.oldest_with_state();
            for key in oldest.changes.keys() {
                state.prune(oldest.height(), key);
            }
        }
        if let Some(lagging) = &mut self.lagging {
            lagging.step(&history);
        }
    }
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
