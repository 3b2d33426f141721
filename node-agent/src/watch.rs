//! Reads the facts: everything at one final block, so that it fits together.

use std::{
    collections::BTreeMap,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

use piecework_chain::{AccountId, BlockRef, Coordinator, Head, RpcClient, ViewError};
use piecework_interface::{
    call::PAGE_MAX,
    ids::{AccountNo, BatchId, LotId},
    view::{BatchStatus, GROUP_LOTS, LotState, OpenBatch, WINDOW_GROUPS},
};

use crate::core::facts::{BatchFacts, Facts};

/// Silent nodes are looked for so often per liveness window.
const SILENCE_CHECKS: u32 = 4;

/// Looks at the contract.
#[derive(Clone, Debug)]
pub struct Watch {
    rpc: RpcClient,
    contract: AccountId,
    account_id: AccountId,
    keeper: bool,
    liveness_window_s: u32,
    epoch_s: u32,
    chain_id: String,
    /// No older block is believed: another endpoint may lag.
    floor: Arc<AtomicU64>,
    first_open: u32,
    last: Option<(u64, Facts)>,
    silence_checked_at: u32,
    revenue_seq: Option<u64>,
}

impl Watch {
    /// Reads the contract's configuration.
    ///
    /// # Errors
    /// If the contract cannot be read.
    pub async fn open(
        rpc: RpcClient,
        contract: AccountId,
        account_id: AccountId,
        keeper: bool,
    ) -> Result<Self, ViewError> {
        let config = Coordinator::new(&rpc, contract.clone()).config().await?;
        Ok(Self {
            rpc,
            contract,
            account_id,
            keeper,
            liveness_window_s: config.liveness_window_s,
            epoch_s: config.epoch_s,
            chain_id: config.chain_id,
            floor: Arc::default(),
            first_open: 0,
            last: None,
            silence_checked_at: 0,
            revenue_seq: None,
        })
    }

    /// The height below which no block is believed; raise it after an own call.
    #[must_use]
    pub fn floor(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.floor)
    }

    /// The chain that signed intents name, as the contract knows it.
    #[must_use]
    pub fn chain_id(&self) -> &str {
        &self.chain_id
    }

    /// The facts at the last final block. The contract is read again only if it wrote something since.
    ///
    /// # Errors
    /// If any part cannot be read: facts are complete or absent.
    pub async fn facts(&mut self) -> Result<Facts, ViewError> {
        // The block to read at is one that an endpoint gives just now.
        let rpc = self.rpc.with_min_height(self.floor.load(Ordering::Relaxed)).with_lag();
        let head = rpc.head().await?;
        self.floor.fetch_max(head.height, Ordering::Relaxed);
        let view = View(Coordinator::new(&rpc, self.contract.clone()).at(BlockRef::Hash(head.hash)));
        let root = view.0.root().await?.value;
        let now_s = seconds(&head);
        if let Some((seq, facts)) = &mut self.last
            && *seq == root.seq
        {
            facts.height = head.height;
            facts.now_s = now_s;
        } else {
            let account = view.0.account(self.account_id.as_str()).await?;
            let (batches, untold) = view.batches(&mut self.first_open, root.next_batch).await?;
            let last = self.last.take();
            let (silent, revenue) = last.map_or_else(Default::default, |(_, facts)| (facts.silent, facts.revenue));
            let facts = Facts {
                height: head.height,
                now_s,
                active_tickets: root.active_tickets,
                liveness_window_s: self.liveness_window_s,
                account,
                batches,
                silent,
                revenue,
                epoch_s: self.epoch_s,
                untold,
            };
            self.last = Some((root.seq, facts));
        }
        let Some((_, facts)) = &mut self.last else {
            return Ok(Facts::default());
        };
        // While an epoch runs, nothing of it changes that agents need; it is read at first, and once it may end.
        if now_s >= facts.epoch_end() && self.revenue_seq != Some(root.seq) {
            facts.revenue = view.0.revenue().await?;
            self.revenue_seq = Some(root.seq);
        }
        let every_s = (self.liveness_window_s / SILENCE_CHECKS).max(1);
        if self.keeper && now_s >= self.silence_checked_at.saturating_add(every_s) {
            facts.silent = view.silent(root.next_account, now_s, self.liveness_window_s).await?;
            self.silence_checked_at = now_s;
        }
        Ok(facts.clone())
    }
}

/// The contract at one block.
struct View(Coordinator);

impl View {
    /// All batches that are not closed, and closed ones whose callback was not sent. `first_open` skips those in which
    /// nothing can happen any more.
    async fn batches(
        &self,
        first_open: &mut u32,
        next_batch: u32,
    ) -> Result<(BTreeMap<BatchId, BatchFacts>, BTreeMap<BatchId, u8>), ViewError> {
        let (mut open, mut untold) = (BTreeMap::new(), BTreeMap::new());
        for batch in self.0.batches(*first_open, next_batch).await? {
            if let (Some(details), true) = (batch.open, batch.status != BatchStatus::Closed) {
                let lots = self.lots(batch.batch, &details).await?;
                open.insert(batch.batch, BatchFacts { status: batch.status, open: details, lots });
            } else if let Some(callback) = batch.callback {
                untold.insert(batch.batch, callback.tgas);
            }
        }
        *first_open = open.keys().chain(untold.keys()).min().map_or(next_batch, |batch| batch.0);
        Ok((open, untold))
    }

    /// All lots of a batch that have a record: those in the window, and before it as many as are still missing.
    async fn lots(&self, batch: BatchId, open: &OpenBatch) -> Result<BTreeMap<LotId, LotState>, ViewError> {
        let live = usize::try_from(open.progress.live).unwrap_or(usize::MAX);
        let window = open.progress.window.frontier.saturating_mul(GROUP_LOTS);
        let span = GROUP_LOTS.saturating_mul(u32::try_from(WINDOW_GROUPS).unwrap_or(u32::MAX));
        let ahead = (window..window.saturating_add(span)).step_by(usize::try_from(PAGE_MAX).unwrap_or(1));
        let behind = (0..window.div_ceil(PAGE_MAX)).rev().map(|page| page.saturating_mul(PAGE_MAX));
        let mut lots = BTreeMap::new();
        for from in ahead.chain(behind) {
            if lots.len() >= live {
                break;
            }
            let page = self.0.lots(batch, LotId(from), PAGE_MAX).await?;
            lots.extend(page.into_iter().map(|lot| (lot.lot, lot.state)));
        }
        Ok(lots)
    }

    /// Active nodes that have not been heard of for longer than the window.
    async fn silent(&self, next_account: u32, now_s: u32, window_s: u32) -> Result<Vec<AccountNo>, ViewError> {
        let accounts = self.0.accounts(next_account).await?;
        let silent = accounts
            .into_iter()
            .filter(|account| account.node.as_ref().is_some_and(|node| node.is_overdue(window_s, now_s)));
        Ok(silent.map(|account| account.account).collect())
    }
}

fn seconds(head: &Head) -> u32 {
    u32::try_from(head.timestamp_ns / 1_000_000_000).unwrap_or(u32::MAX)
}
