//! What a requester keeps until work has ended.

use core::fmt;

use piecework_interface::{host::sha256, ids::Digest, merkle};
use serde::{Deserialize, Serialize};

use super::{
    GoldDocument, LEAVES_MAX, Opening, VERSION,
    document::{leaf, root_over, salt},
};

/// An answer that a requester knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldAnswer {
    /// Item, by its index in the batch.
    pub item: u32,
    /// The answer, hex.
    #[serde(with = "hex::serde")]
    pub answer: Vec<u8>,
}

/// A batch's gold with the secret of its salts. A reader of it knows every answer, so it stays with the requester.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldSecret {
    version: u8,
    #[serde(with = "hex::serde")]
    gold_root: Digest,
    #[serde(with = "hex::serde")]
    manifest: Digest,
    #[serde(with = "hex::serde")]
    secret: Digest,
    answers: Vec<GoldAnswer>,
}

/// Why answers are no gold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// None, or too many.
    #[error("{0} items have gold, and 1 to {LEAVES_MAX} can")]
    Count(usize),
    /// An item twice.
    #[error("item {0} has two gold answers")]
    Twice(u32),
    /// Another form.
    #[error("version {0} of the file is unknown")]
    Version(u8),
    /// The answers are not those of the root.
    #[error("its answers do not lead to the root that it names")]
    Root,
}

impl GoldSecret {
    /// Seals answers to items of the batch with this manifest root; `secret` is random and of this batch alone.
    ///
    /// # Errors
    /// There are none or too many, or two to one item.
    pub fn new(manifest: Digest, secret: Digest, mut answers: Vec<GoldAnswer>) -> Result<Self, SecretError> {
        answers.sort_by_key(|answer| answer.item);
        let mut sealed = Self { version: VERSION, gold_root: [0; 32], manifest, secret, answers };
        sealed.gold_root = sealed.counted()?;
        Ok(sealed)
    }

    /// Checks what was read from a file.
    ///
    /// # Errors
    /// It is of another version, or damaged.
    pub fn check(&self) -> Result<(), SecretError> {
        if self.version != VERSION {
            return Err(SecretError::Version(self.version));
        }
        if self.counted()? == self.gold_root { Ok(()) } else { Err(SecretError::Root) }
    }

    /// The root that the batch's creation names.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.gold_root
    }

    /// The answers, by item.
    #[must_use]
    pub fn answers(&self) -> &[GoldAnswer] {
        &self.answers
    }

    /// Opens the items that `opens` chooses, with their proofs.
    #[must_use]
    pub fn open(&self, opens: impl Fn(u32) -> bool) -> GoldDocument {
        let leaves = self.leaves();
        let opening = |(place, known): (u32, &GoldAnswer)| {
            let proof = merkle::prove(sha256, &leaves, place)?.concat();
            let salt = salt(&self.secret, &self.manifest, known.item);
            Some(Opening { place, item: known.item, answer: known.answer.clone(), salt, proof })
        };
        let openings = (0..).zip(&self.answers).filter(|(_, known)| opens(known.item)).filter_map(opening).collect();
        GoldDocument { version: VERSION, leaves: self.count(), tree: tree(&leaves), openings }
    }

    /// The root of the answers, whatever the file names.
    fn counted(&self) -> Result<Digest, SecretError> {
        if !(1..=LEAVES_MAX).contains(&self.count()) {
            return Err(SecretError::Count(self.answers.len()));
        }
        if let Some(pair) = self.answers.windows(2).find(|pair| pair[0].item >= pair[1].item) {
            return Err(SecretError::Twice(pair[1].item));
        }
        Ok(root_over(self.count(), &tree(&self.leaves())))
    }

    fn count(&self) -> u32 {
        u32::try_from(self.answers.len()).unwrap_or(u32::MAX)
    }

    fn leaves(&self) -> Vec<Digest> {
        let of = |known: &GoldAnswer| {
            let salt = salt(&self.secret, &self.manifest, known.item);
            leaf(&self.manifest, known.item, &salt, &known.answer)
        };
        self.answers.iter().map(of).collect()
    }
}

/// Shows neither secret nor answers.
impl fmt::Debug for GoldSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoldSecret").field("answers", &self.answers.len()).finish_non_exhaustive()
    }
}

fn tree(leaves: &[Digest]) -> Digest {
    let mut peaks = merkle::Peaks::default();
    for leaf in leaves {
        peaks.append(sha256, *leaf);
    }
    merkle::bag(sha256, &peaks)
}
