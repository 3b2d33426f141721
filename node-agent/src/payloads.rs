//! A lot's payloads: from disk if they are there, else from the gateway to disk; checked either way.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use piecework_api::manifest;
use piecework_interface::{
    ids::{BatchId, LotId},
    lots::lot_items,
    view::OpenBatch,
};
use tokio::sync::OnceCell;

use crate::{core::Trouble, executor::TaskItem, gateway::Gateway, store::Store};

/// Digests of a batch's payloads, in order.
type Manifest = Arc<Vec<[u8; 32]>>;

/// Payloads on disk and how to get them there.
#[derive(Debug)]
pub struct Payloads {
    store: Arc<Store>,
    gateway: Gateway,
    /// Each is fetched once however many lots want it, and no batch waits for another's.
    manifests: Mutex<BTreeMap<BatchId, Arc<OnceCell<Manifest>>>>,
}

impl Payloads {
    /// Payloads of this state directory and gateway.
    #[must_use]
    pub const fn new(store: Arc<Store>, gateway: Gateway) -> Self {
        Self { store, gateway, manifests: Mutex::new(BTreeMap::new()) }
    }

    /// All items of a lot. When this succeeds they are on disk, so a restart does not need the gateway.
    ///
    /// # Errors
    /// If they cannot be had, are not what the chain says, or cannot be written.
    pub async fn lot(
        &self,
        batch: BatchId,
        lot: LotId,
        open: &OpenBatch,
        height: u64,
    ) -> Result<Vec<TaskItem>, Trouble> {
        let manifest = self.manifest(batch, open, height).await?;
        let size = open.terms.lot_size;
        let first = lot.0.saturating_mul(size.into());
        let count = lot_items(open.items, size, lot);
        let range = usize::try_from(first).unwrap_or(usize::MAX)..;
        let digests = manifest.get(range).and_then(|rest| rest.get(..count.into()));
        let digests = digests.ok_or_else(|| Trouble::Other(format!("batch {batch} has no lot {lot}")))?;
        let payloads = match self.store.payloads(batch, lot, digests) {
            Some(payloads) => payloads,
            None => {
                let fetched = self.gateway.payloads(digests).await;
                let fetched = fetched.map_err(|error| Trouble::Other(format!("batch {batch} lot {lot}: {error}")))?;
                self.store.payloads_put(batch, lot, &fetched).map_err(|e| Trouble::Disk(e.to_string()))?;
                fetched
            }
        };
        let items = (first..).zip(digests).zip(payloads);
        Ok(items.map(|((index, digest), payload)| TaskItem { index, sha256: *digest, payload }).collect())
    }

    /// Forgets manifests of batches that are over.
    pub fn keep(&self, is_open: impl Fn(BatchId) -> bool) {
        self.manifests().retain(|batch, _| is_open(*batch));
    }

    fn manifests(&self) -> MutexGuard<'_, BTreeMap<BatchId, Arc<OnceCell<Manifest>>>> {
        self.manifests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn manifest(&self, batch: BatchId, open: &OpenBatch, height: u64) -> Result<Manifest, Trouble> {
        let cell = Arc::clone(self.manifests().entry(batch).or_default());
        cell.get_or_try_init(|| self.read_manifest(batch, open, height)).await.map(Arc::clone)
    }

    /// The manifest from disk if it is there, else from the gateway to disk.
    async fn read_manifest(&self, batch: BatchId, open: &OpenBatch, height: u64) -> Result<Manifest, Trouble> {
        let stored = self.store.manifest(batch);
        let digests = match stored.and_then(|bytes| manifest::check(&bytes, open.items, &open.manifest)) {
            Some(digests) => digests,
            None => {
                let digests = self.gateway.manifest(batch, open.items, &open.manifest, height).await;
                let digests = digests.map_err(|error| Trouble::Other(format!("batch {batch}: {error}")))?;
                let bytes = digests.as_flattened();
                self.store.manifest_put(batch, bytes).map_err(|error| Trouble::Disk(error.to_string()))?;
                digests
            }
        };
        Ok(Arc::new(digests))
    }
}
