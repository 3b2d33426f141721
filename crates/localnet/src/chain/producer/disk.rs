//! The chain on disk: finishing logs, going on from them, snapshots of the whole chain and going back to them.

use std::sync::Arc;

use near_primitives::types::BlockHeight;

use super::Chain;
use crate::{
    chain::{ChainError, History, genesis},
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

    /// Goes back (or forward) to a snapshot, and says at which height that is. Transactions that wait are dropped.
    ///
    /// # Errors
    /// If there is none of that name or the disk fails. If it fails in the middle the chain cannot go on, but the
    /// snapshot is untouched and the next start takes it up or finds the chain as it was.
    pub fn restore(&mut self, name: &str) -> Result<BlockHeight, ChainError> {
        let layout = self.disk()?.layout().clone();
        Snapshots::new(&layout).existing(name)?;
        let start = genesis::start(&self.view.runtime, &self.view.genesis)?;
        let store = self.store.take().ok_or(StoreError::InMemory)?;
        self.broken = true;
        let (store, recovered) = store::open(&layout, store.restore(name)?, start)?;
        self.store = Some(store);
        self.broken = false;
        self.replace(recovered);
        Ok(self.view.history().head().height())
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
                clock_offset_ns: self.clock.offset_ns(),
                tree: self.view.history().tree().clone(),
            };
            store.write_state(&checkpoint, &self.view.snapshot(head.height()))?;
        }
        let (first, segment) = store.finish_log(head.height())?;
        let mut history = self.view.history.write();
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
    fn replace(&mut self, recovered: Recovered) {
        let genesis = Arc::clone(self.view.history().genesis());
        let history = History::new(genesis, recovered.blocks, recovered.archive, recovered.tree, self.keep);
        self.view.replace(history, recovered.state);
        if let Some(lagging) = &mut self.lagging {
            lagging.replace(&self.view.history());
        }
        self.incoming = recovered.incoming;
        self.delayed = recovered.delayed;
        self.origins = recovered.origins;
        self.clock.offset = recovered.clock_offset;
        self.patches.clear();
        self.skip = 0;
        self.recent_logs.clear();
        self.page_out_below = 0;
    }

    fn disk(&self) -> Result<&store::Store, StoreError> {
        self.store.as_ref().ok_or(StoreError::InMemory)
    }
}
