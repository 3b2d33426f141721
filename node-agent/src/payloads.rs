//! A lot's payloads: from disk if they are there, else from the gateway to disk; checked either way.

mod segments;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use piecework_api::{BatchSegment, manifest};
use piecework_interface::{
    ids::{BatchId, LotId},
    lots::lot_items,
    merkle,
    view::OpenBatch,
};
use tokio::sync::OnceCell;

use self::segments::Known;
use crate::{
    core::Trouble,
    executor::TaskItem,
    gateway::Gateway,
    store::{Store, StoreError},
};

/// Digests of a segment's payloads, in order.
type Manifest = Arc<Vec<[u8; 32]>>;
/// A manifest that is fetched once.
type Fetched = Arc<OnceCell<Manifest>>;
/// What is known of a batch's segments, behind a lock of its own.
type Segments = Arc<tokio::sync::Mutex<Option<Known>>>;

/// Payloads on disk and how to get them there.
#[derive(Debug)]
pub struct Payloads {
    store: Arc<Store>,
    gateway: Gateway,
    /// By batch and first item. Each is fetched once however many lots want it, and no batch waits for another's.
    manifests: Mutex<BTreeMap<(BatchId, u32), Fetched>>,
    segments: Mutex<BTreeMap<BatchId, Segments>>,
    /// Lots in hand of appended segments, with the segments' first items.
    fetched: Mutex<BTreeMap<(BatchId, LotId), u32>>,
}

impl Payloads {
    /// Payloads of this state directory and gateway.
    #[must_use]
    pub fn new(store: Arc<Store>, gateway: Gateway) -> Self {
        Self { store, gateway, manifests: Mutex::default(), segments: Mutex::default(), fetched: Mutex::default() }
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
        let size = open.terms.lot_size;
        let first = lot.0.saturating_mul(size.into());
        let count = lot_items(open.items, size, lot);
        let segment = self.segment(batch, first, open, height).await?;
        let manifest = match self.manifest(batch, &segment, height).await {
            Ok(manifest) => manifest,
            Err(trouble) => {
                self.distrust(batch, segment.first_item).await;
                return Err(trouble);
            }
        };
        if segment.first_item > 0 {
            lock(&self.fetched).insert((batch, lot), segment.first_item);
        }
        let range = usize::try_from(first - segment.first_item).unwrap_or(usize::MAX)..;
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
        lock(&self.manifests).retain(|(batch, _), _| is_open(*batch));
        lock(&self.segments).retain(|batch, _| is_open(*batch));
        lock(&self.fetched).retain(|(batch, _), _| is_open(*batch));
    }

    /// Forgets a lot that is over, and with the last lot of an appended segment its manifest: a batch that lives on may have many.
    ///
    /// # Errors
    /// If a file is still there.
    pub fn forget(&self, batch: BatchId, lot: LotId) -> Result<(), StoreError> {
        self.store.payloads_remove(batch, lot)?;
        let mut fetched = lock(&self.fetched);
        let Some(first_item) = fetched.remove(&(batch, lot)) else { return Ok(()) };
        if fetched.iter().any(|((of, _), first)| (*of, *first) == (batch, first_item)) {
            return Ok(());
        }
        drop(fetched);
        lock(&self.manifests).remove(&(batch, first_item));
        self.store.manifest_remove(batch, first_item)
    }

    /// The segment that an item is in. Of a batch that was never appended to, its place is not looked up here.
    async fn segment(&self, batch: BatchId, item: u32, open: &OpenBatch, height: u64) -> Result<BatchSegment, Trouble> {
        if open.appended == merkle::EMPTY {
            let &OpenBatch { items, manifest, .. } = open;
            return Ok(BatchSegment { items, manifest, ..BatchSegment::default() });
        }
        let segments = Arc::clone(lock(&self.segments).entry(batch).or_default());
        let mut known = segments.lock().await;
        let mut found = known.take().or_else(|| self.store.segments(batch)).unwrap_or_default();
        let read = found.find(&self.gateway, (batch, item), open, height).await;
        let segment = match read {
            Ok((segment, is_new)) => {
                if is_new {
                    self.store.segments_put(batch, &found).map_err(|error| Trouble::Disk(error.to_string()))?;
                }
                segment
            }
            Err(why) => return Err(Trouble::Other(format!("batch {batch}: {why}"))),
        };
        *known = Some(found);
        Ok(segment)
    }

    /// Forgets where the gateway said that a segment's manifest is.
    async fn distrust(&self, batch: BatchId, first_item: u32) {
        let segments = lock(&self.segments).get(&batch).cloned();
        if let Some(segments) = segments
            && let Some(known) = segments.lock().await.as_mut()
        {
            known.distrust(first_item);
        }
    }

    async fn manifest(&self, batch: BatchId, segment: &BatchSegment, height: u64) -> Result<Manifest, Trouble> {
        let cell = Arc::clone(lock(&self.manifests).entry((batch, segment.first_item)).or_default());
        cell.get_or_try_init(|| self.read_manifest(batch, segment, height)).await.map(Arc::clone)
    }

    /// The manifest from disk if it is there, else from the gateway to disk.
    async fn read_manifest(&self, batch: BatchId, segment: &BatchSegment, height: u64) -> Result<Manifest, Trouble> {
        let &BatchSegment { first_item, items, manifest: root, .. } = segment;
        let stored = self.store.manifest(batch, first_item);
        let digests = match stored.and_then(|bytes| manifest::check(&bytes, items, &root)) {
            Some(digests) => digests,
            None => {
                let fetched = async {
                    if segment.uri.is_empty() && first_item == 0 {
                        let uri = self.gateway.uri(batch, height).await?;
                        return self.gateway.manifest(&BatchSegment { uri, ..segment.clone() }).await;
                    }
                    self.gateway.manifest(segment).await
                };
                let digests = fetched.await.map_err(|error| Trouble::Other(format!("batch {batch}: {error}")))?;
                let bytes = digests.as_flattened();
                self.store.manifest_put(batch, first_item, bytes).map_err(|error| Trouble::Disk(error.to_string()))?;
                digests
            }
        };
        Ok(Arc::new(digests))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
