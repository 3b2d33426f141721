//! Gold that requesters opened: one file a batch and root beside the blobs, `<dir>/gold/<batch>-<root>`.
//!
//! A file has proven openings alone, each place of the tree once, so a root's leaves bound it. It is no part of the mirror: the chain
//! knows no openings.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
};

use bytes::Bytes;
use futures_util::stream;
use piecework_api::gold::{GoldDocument, GoldItem, GoldStored, Opening};
use piecework_interface::ids::{self, BatchId};
use serde::{Deserialize, Serialize};
use tokio::{
    fs,
    sync::{Mutex, MutexGuard},
};

use crate::blobs::{Blobs, Digest, PutError};

/// Folder of the files.
const FOLDER: &str = "gold";
/// Batches whose counts are in memory, a megabyte each at most.
const COUNTED_MAX: usize = 16;

/// What is open of a root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Leaves under the root.
    pub leaves: u32,
    /// Root of their tree.
    #[serde(with = "hex::serde")]
    pub tree: ids::Digest,
    /// Openings by their places.
    pub openings: BTreeMap<u32, Kept>,
}

/// An opening, and what brought it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The opening.
    #[serde(flatten)]
    pub opening: Opening,
    /// SHA-256 of the document that had it first, hex.
    pub document: String,
}

/// The open gold of all batches.
#[derive(Clone, Debug)]
pub struct Golds {
    blobs: Blobs,
    /// Held while a file is read and written anew.
    writing: Arc<Mutex<()>>,
    counted: Arc<Mutex<Counted>>,
}

/// What the copies say of the gold that was asked for last: many statements, whose answer few lines change.
#[derive(Debug, Default)]
pub struct Counted(VecDeque<(Version, Arc<[GoldItem]>)>);

/// What items that are counted depend on: batch, its last line, open leaves.
pub type Version = (BatchId, u64, usize);

impl Counted {
    /// The items at a version, if it is the last one of its batch.
    #[must_use]
    pub fn get(&self, version: Version) -> Option<Arc<[GoldItem]>> {
        self.0.iter().find(|(kept, _)| *kept == version).map(|(_, items)| Arc::clone(items))
    }

    /// Keeps the items of a version, in place of the batch's other ones.
    pub fn keep(&mut self, version: Version, items: &Arc<[GoldItem]>) {
        self.0.retain(|(kept, _)| kept.0 != version.0);
        self.0.push_back((version, Arc::clone(items)));
        if self.0.len() > COUNTED_MAX {
            self.0.pop_front();
        }
    }
}

impl Golds {
    /// The gold beside these blobs.
    #[must_use]
    pub fn new(blobs: Blobs) -> Self {
        Self { blobs, writing: Arc::default(), counted: Arc::default() }
    }

    /// What was counted. One request holds it, before it takes a connection: what strangers ask for costs one at a time.
    pub async fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().await
    }

    /// What is open of a batch's root.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub async fn get(&self, batch: BatchId, root: &ids::Digest) -> io::Result<Option<Open>> {
        match fs::read(self.blobs.beside(FOLDER, &name(batch, root))).await {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds what is new in a document that was checked against the root, and stores its bytes as a blob. Where nothing is new,
    /// nothing is written.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub async fn add(
        &self,
        batch: BatchId,
        root: &ids::Digest,
        document: GoldDocument,
        bytes: Bytes,
    ) -> Result<GoldStored, PutError> {
        let digest = Digest::of(&bytes);
        let _writing = self.writing.lock().await;
        let known = self.get(batch, root).await.map_err(|error| self.blobs.failed(error))?;
        let GoldDocument { leaves, tree, openings, .. } = document;
        let mut open = known.unwrap_or_else(|| Open { leaves, tree, openings: BTreeMap::new() });
        let before = open.openings.len();
        for opening in openings {
            open.openings.entry(opening.place).or_insert_with(|| Kept { opening, document: digest.to_string() });
        }
        let added = open.openings.len() - before;
        if added > 0 {
            // A blob without its entry is only a blob; an entry without its blob would name what is not there.
            self.blobs.put(digest, stream::iter([Ok::<_, io::Error>(bytes)])).await?;
            let text = serde_json::to_vec(&open).map_err(|error| self.blobs.failed(error.into()))?;
            self.blobs.write_beside(FOLDER, &name(batch, root), &text).await?;
        }
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(GoldStored { sha256: digest.to_string(), added: count(added), opened: count(open.openings.len()) })
    }
}

fn name(batch: BatchId, root: &ids::Digest) -> String {
    format!("{batch}-{}", hex::encode(root))
}

#[cfg(test)]
mod tests {
    use piecework_api::gold::{GoldAnswer, GoldSecret};

    use super::*;

    const BATCH: BatchId = BatchId(3);

    fn bytes(document: &GoldDocument) -> Bytes {
        serde_json::to_vec(document).unwrap().into()
    }

    #[test]
    fn counted__should_be_of_a_batchs_last_version_and_of_few_batches() {
        let mut counted = Counted::default();
        let none: Arc<[GoldItem]> = Arc::new([]);
        for version in [(BATCH, 1, 1), (BATCH, 2, 1)] {
            counted.keep(version, &none);
        }
        assert!(counted.get((BATCH, 2, 1)).is_some());
        assert!(counted.get((BATCH, 1, 1)).is_none() && counted.get((BATCH, 2, 2)).is_none());
        (10..26).for_each(|batch| counted.keep((BatchId(batch), 1, 1), &none));
        assert_eq!((counted.0.len(), counted.get((BATCH, 2, 1)).is_none()), (COUNTED_MAX, true));
    }

    #[tokio::test]
    async fn golds__should_keep_each_place_once_and_serve_it_after_a_restart() {
        // Given gold of three items, of which two are open
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path().to_owned(), 1 << 20).await.unwrap();
        let answers = [1, 2, 3].map(|item| GoldAnswer { item, answer: vec![7] });
        let secret = GoldSecret::new([0; 32], [1; 32], answers.into()).unwrap();
        let (root, golds) = (secret.root(), Golds::new(blobs.clone()));
        let first = secret.open(|item| item < 3);
        assert_eq!(golds.get(BATCH, &root).await.unwrap(), None);
        let stored = golds.add(BATCH, &root, first.clone(), bytes(&first)).await.unwrap();
        assert_eq!((stored.added, stored.opened), (2, 2));

        // When all are published, then a part of them in other bytes
        let all = secret.open(|_| true);
        let stored = golds.add(BATCH, &root, all.clone(), bytes(&all)).await.unwrap();
        assert_eq!((stored.added, stored.opened), (1, 3));
        let spaced = Bytes::from(serde_json::to_vec_pretty(&first).unwrap());
        let repeated = golds.add(BATCH, &root, first.clone(), spaced.clone()).await.unwrap();

        // Then the third alone is of the second document, the last is no blob, and another process finds the same
        assert_eq!((repeated.added, repeated.opened), (0, 3));
        assert_eq!(blobs.get(Digest::of(&spaced)).await.unwrap(), None);
        let again = Golds::new(Blobs::open(dir.path().to_owned(), 1 << 20).await.unwrap());
        let open = again.get(BATCH, &root).await.unwrap().unwrap();
        let documents: Vec<&String> = open.openings.values().map(|kept| &kept.document).collect();
        let (one, two) = (Digest::of(&bytes(&first)).to_string(), Digest::of(&bytes(&all)).to_string());
        assert_eq!(documents, [&one, &one, &two]);
        assert!(blobs.get(Digest::of(&bytes(&all))).await.unwrap().is_some());
        assert_eq!(again.get(BatchId(4), &root).await.unwrap(), None, "a root is of one batch");
    }
}
