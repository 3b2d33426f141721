//! The commitment that binds a node to its answers before anyone can see them.

use crate::{
    Sha256,
    model::ids::{AccountNo, BatchId, LotId},
};

/// Domain of version 1.
const DOMAIN: &str = "piecework:v1";

/// What a commitment binds besides the answers, so that it cannot be copied to another place or node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Account of the coordinator contract.
    pub contract: &'a str,
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Round.
    pub round: u8,
    /// Node.
    pub node: AccountNo,
}

/// `sha256(borsh("piecework:v1", contract, batch, lot, round, node, sha256(answers), salt))`.
#[must_use]
pub fn commitment(sha256: Sha256, place: Place<'_>, answers: &[u8], salt: &[u8; 32]) -> [u8; 32] {
    commitment_to(sha256, place, &sha256(answers), salt)
}

/// The same, of answers with this SHA-256.
#[must_use]
pub fn commitment_to(sha256: Sha256, place: Place<'_>, digest: &[u8; 32], salt: &[u8; 32]) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(160);
    for text in [DOMAIN, place.contract] {
        // An account id has at most 64 bytes.
        bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.extend(place.batch.0.to_le_bytes());
    bytes.extend(place.lot.0.to_le_bytes());
    bytes.push(place.round);
    bytes.extend(place.node.0.to_le_bytes());
    bytes.extend(digest);
    bytes.extend(salt);
    sha256(&bytes)
}
