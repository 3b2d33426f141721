//! The segments of a batch: what it was created with, and each append. A segment has a manifest of its own.

use crate::{Sha256, model::ids::Digest};

/// What an append adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// First item of the segment in the batch.
    pub first_item: u32,
    /// Items, at least 1.
    pub items: u32,
    /// Merkle root over their payload digests, [`crate::rules::merkle::root`].
    pub manifest: Digest,
}

/// The digest of a batch's appended segments after one more: `sha256(before ‖ first item ‖ items ‖ manifest)`, numbers
/// little-endian in four bytes. So the chain's record fixes every manifest, however many there are.
#[must_use]
pub fn appended(sha256: Sha256, before: &Digest, segment: &Segment) -> Digest {
    let mut bytes = [0; 72];
    bytes[..32].copy_from_slice(before);
    bytes[32..36].copy_from_slice(&segment.first_item.to_le_bytes());
    bytes[36..40].copy_from_slice(&segment.items.to_le_bytes());
    bytes[40..].copy_from_slice(&segment.manifest);
    sha256(&bytes)
}
