//! Gold: answers that the requester knew before the work began. A tree with one leaf per item, at the item's own index,
//! is committed with the batch; gold items are opened while their lot is provisional.

use crate::{
    Sha256,
    model::{case::Opening, ids::Digest},
    rules::merkle,
};

/// Openings of one call at most.
pub const OPENINGS_MAX: usize = 64;

/// The leaf of an item: `sha256(0 ‖ item: u32 LE ‖ 1 ‖ answer ‖ salt)` for gold, `sha256(0 ‖ item: u32 LE ‖ 0 ‖ salt)` for
/// any other. Items are counted in the batch.
#[must_use]
pub fn leaf(sha256: Sha256, item: u32, answer: Option<&[u8]>, salt: &[u8; 32]) -> Digest {
    let mut bytes = Vec::with_capacity(70);
    bytes.push(0);
    bytes.extend(item.to_le_bytes());
    bytes.push(u8::from(answer.is_some()));
    bytes.extend(answer.unwrap_or_default());
    bytes.extend(salt);
    sha256(&bytes)
}

/// Whether an opening is of this leaf of a tree over `items` items: no item has two.
#[must_use]
pub fn opens(sha256: Sha256, root: &Digest, items: u32, item: u32, opening: &Opening) -> bool {
    let leaf = leaf(sha256, item, Some(&opening.answer), &opening.salt);
    merkle::verify(sha256, root, items, item, leaf, &opening.proof)
}

/// Whether gold still slashes in a batch in which so many openings were void: at most one and a twentieth of all.
#[must_use]
pub const fn slashes(opened: u32, void: u32) -> bool {
    void <= 1 + opened / 20
}
