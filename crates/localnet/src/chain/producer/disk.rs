//! The chain on disk: finishing logs, going on from them, snapshots of the whole chain and going back to them.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use near_primitives::{hash::CryptoHash, receipt::Receipt};

use super::Chain;
use crate::{
    chain::{ChainClock, ChainError, History, genesis},
    store::{self, Checkpoint, Recovered, SnapshotInfo, Snapshots, StoreError},
};

/// Finished logs whose blocks and states are in memory as well.
const RECENT_LOGS: usize = 3;

impl Chain {
    /// Keeps the chain as it is now under a name, or one made of its height.
    ///
    /// # Errors
    /// If the chain is in memory only, the name is taken, or the disk fails.
    pub fn snapshot(&mut self, name: Option<String>) -> Result<SnapshotInfo, ChainError> {
        let name = name.unwrap_or_else(|| format!("block-{}", self.view.history().head().height()));
        Snapshots::new(self.disk()?.layout()).check_free(&name)?;
        self.finish_log(true)?;
        Ok(self.disk()?.snapshot(&name)?)
    }

    /// Goes back (or forward) to a snapshot. Transactions that wait are dropped.
    ///
    /// # Errors
    /// If there is none of that name or the disk fails. If it fails in the middle the chain cannot go on, but the
    /// snapshot is untouched and the next start takes it up or finds the chain as it was.
    pub fn restore(&mut self, name: &str) -> Result<(), ChainError> {
        let layout = self.disk()?.layout().clone();
        Snapshots::new(&layout).existing(name)?;
        let start = genesis::start(&self.view.runtime, &self.view.genesis)?;
        let store = self.store.take().ok_or(StoreError::InMemory)?;
        self.broken = true;
        let (store, recovered) = store::open(&layout, store.restore(name)?, start)?;
        self.store = Some(store);
        self.broken = false;
        self.replace(recovered);
        Ok(())
    }

    /// Lists the snapshots.
    ///
    /// # Errors
    /// If the chain is in memory only or a directory cannot be read.
    pub fn snapshots(&self) -> Result<Vec<SnapshotInfo>, ChainError> {
        Ok(Snapshots::new(self.disk()?.layout()).list()?)
    }

    /// Removes a snapshot.
    ///
    /// # Errors
    /// If there is none of that name or the disk fails.
    pub fn delete_snapshot(&self, name: &str) -> Result<(), ChainError> {
        Ok(Snapshots::new(self.disk()?.layout()).delete(name)?)
    }

    /// Finishes the log, writes the state if it is due or wanted, and forgets what is no longer kept.
    pub(super) fn finish_log(&mut self, with_state: bool) -> Result<(), ChainError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let head = Arc::clone(self.view.history().head());
        if with_state || store.wants_state() {
            let checkpoint = Checkpoint {
                genesis: self.view.history().genesis().hash,
                head: Arc::clone(&head),
                incoming: self.incoming.clone(),
                delayed: self.delayed.iter().cloned().collect(),
                origins: self.origins.iter().map(|(receipt_id, origin)| (*receipt_id, *origin)).collect(),
                clock_offset_ns: offset_ns(&self.clock),
                tree: self.view.history().tree().clone(),
            };
            store.write_state(&checkpoint, &self.view.snapshot(head.height()))?;
        }
        let (first, segment) = store.finish_log(head.height())?;
        let mut history = self.view.history_mut();
        history.archive(first, segment);
        self.recent_logs.push_back(first);
        if self.recent_logs.len() > RECENT_LOGS {
            self.recent_logs.pop_front();
            self.page_out_below = self.recent_logs.front().copied().unwrap_or(first);
        }
        while let Some(first) = history.forget_log(store.state_height()) {
            if let Some(lagging) = &mut self.lagging {
                lagging.keep_up(&history);
            }
            store.remove_log(first)?;
        }
        Ok(())
    }

    /// Replaces the chain by one recovered from disk.
    fn replace(&mut self, mut recovered: Recovered) {
        let genesis = Arc::clone(self.view.history().genesis());
        let state = std::mem::take(&mut recovered.state);
        let carried = Carried::from(&mut recovered);
        self.view.replace(History::new(genesis, recovered.blocks, recovered.archive, recovered.tree, self.keep), state);
        if let Some(lagging) = &mut self.lagging {
            lagging.replace(&self.view.history());
        }
        self.carry_on(carried);
    }

    pub(super) fn carry_on(&mut self, carried: Carried) {
        self.incoming = carried.incoming;
        self.delayed = carried.delayed;
        self.origins = carried.origins;
        self.clock.set_offset(carried.clock_offset);
        self.patches.clear();
        self.skip = 0;
        self.recent_logs.clear();
        self.page_out_below = 0;
    }

    fn disk(&self) -> Result<&store::Store, StoreError> {
        self.store.as_ref().ok_or(StoreError::InMemory)
    }
}

/// What a recovered chain goes on with besides its past.
pub(super) struct Carried {
    incoming: Vec<Arc<Receipt>>,
    delayed: VecDeque<Receipt>,
    origins: HashMap<CryptoHash, CryptoHash>,
    clock_offset: Duration,
}

impl From<&mut Recovered> for Carried {
    fn from(recovered: &mut Recovered) -> Self {
        Self {
            incoming: std::mem::take(&mut recovered.incoming),
            delayed: std::mem::take(&mut recovered.delayed),
            origins: std::mem::take(&mut recovered.origins),
            clock_offset: recovered.clock_offset,
        }
    }
}

/// How far a clock is ahead of real time, as it is stored.
pub(super) fn offset_ns(clock: &ChainClock) -> u64 {
    u64::try_from(clock.offset().as_nanos()).unwrap_or(u64::MAX)
}
