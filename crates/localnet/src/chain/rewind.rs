//! Snapshots of the whole chain, and going back to them.

use super::{Chain, ChainError, genesis};
use crate::store::{self, SnapshotInfo, Snapshots, StoreError};

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

    fn disk(&self) -> Result<&store::Store, StoreError> {
        self.store.as_ref().ok_or(StoreError::InMemory)
    }
}
