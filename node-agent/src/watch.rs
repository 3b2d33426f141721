//! Reads the facts: everything at one final block, so that it fits together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

use piecework_chain::{AccountId, BlockRef, Coordinator, Head, RpcClient, ViewError};
use piecework_interface::{
    call::PAGE_MAX,
    config::Config as ContractConfig,
    ids::{AccountNo, BatchId, ClassId, LotId},
    view::{Account, BatchStatus, Class, GROUP_LOTS, LotState, OpenBatch, WINDOW_GROUPS},
};

use crate::{
    config::Config,
    core::facts::{BatchFacts, Facts},
};

/// All accounts are read so often per liveness window, for their operators and for silent nodes.
const CENSUSES: u32 = 4;

/// Looks at the contract.
#[derive(Clone, Debug)]
pub struct Watch {
    rpc: RpcClient,
    contract: AccountId,
    account_id: AccountId,
    classes: Vec<ClassId>,
    adjudicators: Vec<AccountId>,
    challenger: Option<AccountId>,
    census: bool,
    config: ContractConfig,
    /// No older block is believed: another endpoint may lag.
    floor: Arc<AtomicU64>,
    first_open: u32,
    last: Option<(u64, Facts)>,
    census_at: u32,
}

impl Watch {
    /// Reads the contract's configuration. With `census` the facts have classes' operators and silent nodes.
    ///
    /// # Errors
    /// If the contract cannot be read.
    pub async fn open(rpc: RpcClient, config: &Config, census: bool) -> Result<Self, ViewError> {
        let (contract, account_id) = (config.contract.clone(), config.account_id.clone());
        let (classes, adjudicators) = (config.classes.keys().copied().collect(), config.adjudicators.clone());
        let challenger = config.challenge.as_ref().map(|challenge| challenge.account_id.clone());
        let config = Coordinator::new(&rpc, contract.clone()).config().await?;
        Ok(Self {
            rpc,
            contract,
            account_id,
            classes,
            adjudicators,
            challenger,
            census,
            config,
            floor: Arc::default(),
            first_open: 0,
            last: None,
            census_at: 0,
        })
    }

    /// The height below which no block is believed; raise it after an own call.
    #[must_use]
    pub fn floor(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.floor)
    }

    /// The contract's configuration.
    #[must_use]
    pub const fn config(&self) -> &ContractConfig {
        &self.config
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
        let coordinator = Coordinator::new(&rpc, self.contract.clone()).at(BlockRef::Hash(head.hash));
        let root = coordinator.root().await?.value;
        let (now_s, window_s) = (seconds(&head), self.config.liveness_window_s);
        let (_, facts) = match &mut self.last {
            Some(last) if last.0 == root.seq => last,
            last => {
                let account = coordinator.account(self.account_id.as_str()).await?;
                let (batches, untold) = batches(&coordinator, &mut self.first_open, root.next_batch).await?;
                let challenger = match &self.challenger {
                    Some(account_id) => coordinator.account(account_id.as_str()).await?,
                    None => None,
                };
                let classes = classes(&coordinator, &self.classes).await?;
                let adjudicators = numbers(&coordinator, &self.adjudicators).await?;
                // What a census found stays until the next, and until all the rest is read.
                let (silent, operators) =
                    last.take().map(|(_, facts)| (facts.silent, facts.operators)).unwrap_or_default();
                let facts = Facts {
                    classes,
                    operators,
                    adjudicators,
                    challenger,
                    liveness_window_s: window_s,
                    account,
                    batches,
                    silent,
                    untold,
                    ..Facts::default()
                };
                last.insert((root.seq, facts))
            }
        };
        (facts.height, facts.now_s) = (head.height, now_s);
        let every_s = (window_s / CENSUSES).max(1);
        if self.census && now_s >= self.census_at.saturating_add(every_s) {
            let accounts = coordinator.accounts(root.next_account).await?;
            facts.count_operators(&accounts);
            facts.silent = silent(accounts, now_s, window_s);
            self.census_at = now_s;
        }
        Ok(facts.clone())
    }
}

/// The rows of these classes; one that is not registered has none.
async fn classes(coordinator: &Coordinator, wanted: &[ClassId]) -> Result<BTreeMap<ClassId, Class>, ViewError> {
    let mut classes = BTreeMap::new();
    for &class in wanted {
        let rows = coordinator.classes(class, 1).await?;
        classes.extend(rows.into_iter().filter(|row| row.class == class).map(|row| (class, row)));
    }
    Ok(classes)
}

/// The numbers of these accounts, as far as they are registered.
async fn numbers(coordinator: &Coordinator, accounts: &[AccountId]) -> Result<BTreeSet<AccountNo>, ViewError> {
    let mut numbers = BTreeSet::new();
    for account_id in accounts {
        numbers.extend(coordinator.account_no(account_id.as_str()).await?);
    }
    Ok(numbers)
}

/// All batches that are not closed, and closed ones whose callback was not sent. `first_open` skips those in which
/// nothing can happen any more.
async fn batches(
    coordinator: &Coordinator,
    first_open: &mut u32,
    next_batch: u32,
) -> Result<(BTreeMap<BatchId, BatchFacts>, BTreeMap<BatchId, u8>), ViewError> {
    let (mut open, mut untold) = (BTreeMap::new(), BTreeMap::new());
    for batch in coordinator.batches(*first_open, next_batch).await? {
        if let (Some(details), true) = (batch.open, batch.status != BatchStatus::Closed) {
            let lots = lots(coordinator, batch.batch, &details).await?;
            open.insert(batch.batch, BatchFacts { status: batch.status, open: details, lots });
        } else if let Some(callback) = batch.callback {
            untold.insert(batch.batch, callback.tgas);
        }
    }
    *first_open = open.keys().chain(untold.keys()).min().map_or(next_batch, |batch| batch.0);
    Ok((open, untold))
}

/// All lots of a batch that have a record: those in the window, and before it as many as are still missing.
async fn lots(
    coordinator: &Coordinator,
    batch: BatchId,
    open: &OpenBatch,
) -> Result<BTreeMap<LotId, LotState>, ViewError> {
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
        let page = coordinator.lots(batch, LotId(from), PAGE_MAX).await?;
        lots.extend(page.into_iter().map(|lot| (lot.lot, lot.state)));
    }
    Ok(lots)
}

/// Active nodes that have not been heard of for longer than the window.
fn silent(accounts: Vec<Account>, now_s: u32, window_s: u32) -> Vec<AccountNo> {
    let silent = accounts
        .into_iter()
        .filter(|account| account.node.as_ref().is_some_and(|node| node.is_overdue(window_s, now_s)));
    silent.map(|account| account.account).collect()
}

fn seconds(head: &Head) -> u32 {
    u32::try_from(head.timestamp_ns / 1_000_000_000).unwrap_or(u32::MAX)
}
