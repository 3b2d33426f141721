//! Gold: answers that the requester knows before the work begins. They come from a file, are bound by a tree that the
//! batch commits to, and wait in a record on disk until they are opened. The record holds all that an opening needs.

mod known;
mod record;

pub use known::{KnownAnswers, read};
pub use record::{Record, Records};

use piecework_interface::{
    case::Opening,
    gold::leaf,
    host::sha256,
    ids::{Digest, LotId},
    merkle,
};

/// The tree over all items of a batch: a leaf each, gold or not, so that nobody can tell which is which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    leaves: Vec<Digest>,
}

impl Tree {
    /// The tree of `items` items with these known answers. Salts follow from the secret.
    #[must_use]
    pub fn new(secret: &[u8; 32], items: u32, answers: &KnownAnswers) -> Self {
        let leaf = |item| leaf(sha256, item, answers.get(&item).map(Vec::as_slice), &salt(secret, item));
        Self { leaves: (0..items).map(leaf).collect() }
    }

    /// What the batch commits to.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut peaks = merkle::Peaks::default();
        for leaf in &self.leaves {
            peaks.append(sha256, *leaf);
        }
        merkle::bag(sha256, &peaks)
    }

    /// Shows an item's answer to the contract; `None` if the batch has no such item.
    #[must_use]
    pub fn open(&self, secret: &[u8; 32], lot: LotId, lot_size: u8, item: u8, answer: &[u8]) -> Option<Opening> {
        let number = lot.0.checked_mul(u32::from(lot_size))?.checked_add(u32::from(item))?;
        let proof = merkle::prove(sha256, &self.leaves, number)?;
        Some(Opening { item, answer: answer.to_vec(), salt: salt(secret, number), proof })
    }
}

/// The salt of an item's leaf.
fn salt(secret: &[u8; 32], item: u32) -> [u8; 32] {
    let mut bytes = secret.to_vec();
    bytes.extend(item.to_le_bytes());
    sha256(&bytes)
}

#[cfg(test)]
mod tests {
    use piecework_interface::gold::opens;

    use super::*;

    #[test]
    fn tree__should_open_to_what_the_contract_checks() {
        for items in [1, 5, 8] {
            let answers: KnownAnswers = [(items - 1, vec![4])].into();
            let tree = Tree::new(&[7; 32], items, &answers);
            let (lot, item) = (LotId((items - 1) / 4), u8::try_from((items - 1) % 4).unwrap());
            let opening = tree.open(&[7; 32], lot, 4, item, &[4]).unwrap();
            assert!(opens(sha256, &tree.root(), items, items - 1, &opening), "{items} items");
            let forged = Opening { answer: vec![5], ..opening };
            assert!(!opens(sha256, &tree.root(), items, items - 1, &forged));
        }
    }

    #[test]
    fn tree__should_hide_which_items_are_gold() {
        let one = Tree::new(&[7; 32], 4, &[(1, vec![0])].into());
        let other = Tree::new(&[7; 32], 4, &[(2, vec![0])].into());
        assert_ne!(one.root(), other.root());
        assert_eq!(one.leaves[0], other.leaves[0]);
        assert!(one.open(&[7; 32], LotId(1), 4, 0, &[0]).is_none());
    }
}
