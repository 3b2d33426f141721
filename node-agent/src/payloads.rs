//! A lot's payloads: from disk if they are there, else from the gateway to disk; checked either way.

use std::{collections::BTreeMap, sync::Arc};

use piecework_api::manifest;
use piecework_interface::{
    ids::{BatchId, LotId},
    lots::lot_items,
    view::OpenBatch,
};
use tokio::sync::Mutex;

use crate::{core::Trouble, executor::TaskItem, gateway::Gateway, store::Store};

/// Digests of a batch's payloads, in order.
type Manifest = Arc<Vec<[u8; 32]>>;

/// Payloads on disk and how to get them there.
#[derive(Debug)]
pub struct Payloads {
    store: Arc<Store>,
    gateway: Gateway,
    manifests: Mutex<BTreeMap<BatchId, Manifest>>,
}

impl Payloads {
    /// Payloads of this state directory and gateway.
    #[must_use]
    pub const fn new(store: Arc<Store>, gateway: Gateway) -> Self {
        Self { store, gateway, manifests: Mutex::const_new(BTreeMap::new()) }
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
    pub async fn keep(&self, is_open: impl Fn(BatchId) -> bool) {
        self.manifests.lock().await.retain(|batch, _| is_open(*batch));
    }

    async fn manifest(&self, batch: BatchId, open: &OpenBatch, height: u64) -> Result<Manifest, Trouble> {
        // Held while fetching, so that several lots of a batch fetch it once.
        let mut manifests = self.manifests.lock().await;
        if let Some(manifest) = manifests.get(&batch) {
            return Ok(Arc::clone(manifest));
        }
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
        let manifest = Arc::new(digests);
        manifests.insert(batch, Arc::clone(&manifest));
        Ok(manifest)
    }
}
