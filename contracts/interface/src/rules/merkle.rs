//! The Merkle tree of a manifest and the Merkle mountain range of a batch's results.
//!
//! Both are one structure: a leaf is `sha256(0 ‖ …)`, a node `sha256(1 ‖ left ‖ right)`, a node without a partner is
//! promoted unchanged, the root of nothing is all zeros. Such a tree's root equals the peaks of a mountain range over the
//! same leaves, bagged from the right, so one proof serves both.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::fields;

use crate::{
    Sha256,
    model::ids::{Digest, LotId},
};

/// The root of nothing.
pub const EMPTY: Digest = [0; 32];

/// A mountain range: the roots of its perfect trees, the largest first, one per set bit of `count`.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Peaks {
    /// Leaves.
    pub count: u32,
    /// Roots of the perfect trees.
    pub peaks: Vec<Digest>,
}

fields!(Peaks as [borsh] { count, peaks });

impl Peaks {
    /// Appends a leaf in O(log n) hashes.
    pub fn append(&mut self, sha256: Sha256, leaf: Digest) {
        let mut root = leaf;
        for _ in 0..self.count.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            root = node(sha256, &left, &root);
        }
        self.peaks.push(root);
        self.count = self.count.saturating_add(1);
    }
}

/// The root of a range: its peaks joined from the right.
#[must_use]
pub fn bag(sha256: Sha256, peaks: &Peaks) -> Digest {
    let mut peaks = peaks.peaks.iter().rev();
    let Some(last) = peaks.next() else {
        return EMPTY;
    };
    peaks.fold(*last, |right, left| node(sha256, left, &right))
}

/// Leaf of an item in a manifest: `sha256(0 ‖ payload digest)`.
#[must_use]
pub fn item_leaf(sha256: Sha256, payload_digest: &Digest) -> Digest {
    let mut bytes = [0; 33];
    bytes[1..].copy_from_slice(payload_digest);
    sha256(&bytes)
}

/// Leaf of a settled lot: `sha256(0 ‖ n ‖ lot ‖ accepted items ‖ sha256(answers))`, numbers little-endian in 4, 4 and 8
/// bytes; n is the settlement number in the batch.
#[must_use]
pub fn result_leaf(sha256: Sha256, n: u32, lot: LotId, accepted: u64, digest: &Digest) -> Digest {
    let mut bytes = [0; 49];
    bytes[1..5].copy_from_slice(&n.to_le_bytes());
    bytes[5..9].copy_from_slice(&lot.0.to_le_bytes());
    bytes[9..17].copy_from_slice(&accepted.to_le_bytes());
    bytes[17..].copy_from_slice(digest);
    sha256(&bytes)
}

/// Root of a manifest: over the payload digests of a batch's items, in order.
#[must_use]
pub fn root(sha256: Sha256, payload_digests: &[Digest]) -> Digest {
    let mut peaks = Peaks::default();
    for digest in payload_digests {
        peaks.append(sha256, item_leaf(sha256, digest));
    }
    bag(sha256, &peaks)
}

/// The siblings of a leaf from the bottom up; `None` if there is no such leaf.
#[cfg(feature = "host")]
#[must_use]
pub fn prove(sha256: Sha256, leaves: &[Digest], index: u32) -> Option<Vec<Digest>> {
    let mut at = usize::try_from(index).ok()?;
    if at >= leaves.len() {
        return None;
    }
    let mut level = leaves.to_vec();
    let mut proof = Vec::new();
    while level.len() > 1 {
        proof.extend(level.get(at ^ 1));
        at /= 2;
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node(sha256, left, right),
                _ => pair[0],
            })
            .collect();
    }
    Some(proof)
}

/// Whether `proof` shows that `leaf` is leaf `index` of the `count` leaves under `root`.
#[must_use]
pub fn verify(sha256: Sha256, root: &Digest, count: u32, index: u32, leaf: Digest, proof: &[Digest]) -> bool {
    if index >= count {
        return false;
    }
    let (mut at, mut last, mut hash, mut siblings) = (index, count - 1, leaf, proof.iter());
    while last > 0 {
        if at % 2 == 1 {
            let Some(left) = siblings.next() else {
                return false;
            };
            hash = node(sha256, left, &hash);
        } else if at < last {
            let Some(right) = siblings.next() else {
                return false;
            };
            hash = node(sha256, &hash, right);
        }
        (at, last) = (at / 2, last / 2);
    }
    siblings.next().is_none() && hash == *root
}

fn node(sha256: Sha256, left: &Digest, right: &Digest) -> Digest {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    sha256(&bytes)
}
