//! What a requester publishes: openings with their proofs, and what checks them.

use piecework_interface::{host::sha256, ids::Digest, merkle};
use serde::{Deserialize, Serialize};

use super::{LEAVES_MAX, NONE, VERSION};
use crate::Batch;

/// Separates gold from every other hash of the protocol.
const TAG: &[u8] = b"piecework gold 1";
/// Faults that an error names.
const SHOWN: usize = 8;

/// Openings of gold: the evidence that a challenge may name by its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GoldDocument {
    /// 1.
    pub version: u8,
    /// Leaves under the root, 1..=1024.
    pub leaves: u32,
    /// Root of the tree of leaves, hex.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub tree: Digest,
    /// Openings, by their places.
    pub openings: Vec<Opening>,
}

/// One gold answer, shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Opening {
    /// Place among the leaves, from 0.
    pub place: u32,
    /// Item, by its index in the batch.
    pub item: u32,
    /// The answer, hex.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "07"))]
    pub answer: Vec<u8>,
    /// Salt of the leaf, hex.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub salt: Digest,
    /// Siblings from the bottom up, concatenated, hex.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub proof: Vec<u8>,
}

/// What a batch's creation fixes of its gold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoldRoot {
    /// Root on the creation's line.
    pub root: Digest,
    /// Root of the manifest.
    pub manifest: Digest,
    /// Items of the batch.
    pub items: u32,
    /// Bytes per answer.
    pub width: u8,
}

/// An opening that does not lead to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its item.
    pub item: u32,
    /// Why.
    pub why: &'static str,
}

/// Why a document does not show gold of a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoldError {
    /// Another form.
    #[error("version {0} of the document is unknown")]
    Version(u8),
    /// No opening.
    #[error("the document opens nothing")]
    Empty,
    /// More leaves than are taken.
    #[error("the root has {0} leaves, and 1 to {LEAVES_MAX} are allowed")]
    Leaves(u32),
    /// Leaves and tree are not those of the root.
    #[error("leaves and tree of the document do not lead to the batch's gold root")]
    Root,
    /// Places twice, or out of order.
    #[error("the openings are not in the order of their places, each once")]
    Order,
    /// Openings that are wrong.
    #[error("{}", faults(.0))]
    Openings(Vec<Fault>),
}

fn faults(faults: &[Fault]) -> String {
    let mut text: Vec<String> =
        faults.iter().take(SHOWN).map(|fault| format!("item {}: {}", fault.item, fault.why)).collect();
    if let Some(more) = faults.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push(format!("and {more} more"));
    }
    text.join("; ")
}

impl GoldRoot {
    /// The gold of a batch; `None` if its creation names no root.
    #[must_use]
    pub fn of(batch: &Batch) -> Option<Self> {
        let record = &batch.record;
        let (manifest, items, width) = (record.manifest, record.items, record.terms.answer_width);
        (batch.gold_root != NONE).then_some(Self { root: batch.gold_root, manifest, items, width })
    }

    /// Whether the root commits to this tree and its number of leaves.
    #[must_use]
    pub fn is_over(&self, leaves: u32, tree: &Digest) -> bool {
        self.root == root_over(leaves, tree)
    }

    /// Checks a document, every opening of it.
    ///
    /// # Errors
    /// What is wrong with it as a whole; if that is well, each opening that does not lead to the root.
    pub fn check(&self, document: &GoldDocument) -> Result<(), GoldError> {
        let GoldDocument { version, leaves, tree, openings } = document;
        if *version != VERSION {
            return Err(GoldError::Version(*version));
        }
        if openings.is_empty() {
            return Err(GoldError::Empty);
        }
        if !(1..=LEAVES_MAX).contains(leaves) {
            return Err(GoldError::Leaves(*leaves));
        }
        if !self.is_over(*leaves, tree) {
            return Err(GoldError::Root);
        }
        if !openings.is_sorted_by(|a, b| a.place < b.place) {
            return Err(GoldError::Order);
        }
        let wrong = |opening: &Opening| {
            let why = self.fault(*leaves, tree, opening)?;
            Some(Fault { item: opening.item, why })
        };
        let faults: Vec<Fault> = openings.iter().filter_map(wrong).collect();
        if faults.is_empty() { Ok(()) } else { Err(GoldError::Openings(faults)) }
    }

    fn fault(&self, leaves: u32, tree: &Digest, opening: &Opening) -> Option<&'static str> {
        if opening.item >= self.items {
            return Some("the batch has no such item");
        }
        if opening.answer.len() != usize::from(self.width) {
            return Some("the answer does not have the batch's width");
        }
        let (proof, rest) = opening.proof.as_chunks::<32>();
        let leaf = opening.leaf(&self.manifest);
        let holds = rest.is_empty() && merkle::verify(sha256, tree, leaves, opening.place, leaf, proof);
        (!holds).then_some("its proof does not lead to the root")
    }
}

impl Opening {
    /// Its leaf in a batch with this manifest root.
    #[must_use]
    pub fn leaf(&self, manifest: &Digest) -> Digest {
        leaf(manifest, self.item, &self.salt, &self.answer)
    }
}

/// Leaf of an item's answer.
pub(super) fn leaf(manifest: &Digest, item: u32, salt: &Digest, answer: &[u8]) -> Digest {
    sha256(&[&[0], TAG, manifest.as_slice(), &item.to_le_bytes(), salt, answer].concat())
}

/// The gold root, as the creation's line has it: a hash over the number of leaves and their tree.
pub(super) fn root_over(leaves: u32, tree: &Digest) -> Digest {
    sha256(&[&[2], TAG, leaves.to_le_bytes().as_slice(), tree].concat())
}

/// Salt of an item, of a requester's secret.
pub(super) fn salt(secret: &Digest, manifest: &Digest, item: u32) -> Digest {
    sha256(&[&[3], TAG, secret.as_slice(), manifest, &item.to_le_bytes()].concat())
}
