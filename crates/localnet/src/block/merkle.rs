//! Merkle trees that grow and prove: over a block's outcomes, and over the hashes of all blocks.

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::{
    hash::CryptoHash,
    merkle::{Direction, MerklePath, MerklePathItem, combine_hash},
    transaction::ExecutionOutcomeWithId,
};

/// An append-only tree that remembers all complete subtrees, so that a proof in the tree as it was at any size
/// takes logarithmic time. Roots and paths are those of near-primitives' `merklize`.
#[derive(Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct MerkleTree {
    /// `levels[k]` has at `i` the root of the leaves `i · 2^k ..= (i + 1) · 2^k − 1`.
    levels: Vec<Level>,
}

/// The nodes of one height. Those of forgotten leaves are missing, always in pairs.
#[derive(Clone, Default, BorshSerialize, BorshDeserialize)]
struct Level {
    forgotten: usize,
    nodes: Vec<CryptoHash>,
}

impl Level {
    fn get(&self, position: usize) -> Option<CryptoHash> {
        self.nodes.get(position.checked_sub(self.forgotten)?).copied()
    }
}

impl MerkleTree {
    /// The tree over a block's outcomes.
    pub fn of_outcomes(outcomes: &[ExecutionOutcomeWithId]) -> Self {
        let mut tree = Self::default();
        for outcome in outcomes {
            tree.push(CryptoHash::hash_borsh(outcome.to_hashes()));
        }
        tree
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: CryptoHash) {
        let mut node = leaf;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Level::default());
            }
            let nodes = &mut self.levels[level].nodes;
            nodes.push(node);
            let [.., left, right] = nodes.as_slice() else { return };
            if !nodes.len().is_multiple_of(2) {
                return;
            }
            node = combine_hash(left, right);
        }
    }

    /// Forgets what only proofs of the first `leaves` leaves need.
    pub fn forget(&mut self, leaves: usize) {
        for (height, level) in self.levels.iter_mut().enumerate() {
            let keep_from = (leaves >> height) & !1;
            let gone = keep_from.saturating_sub(level.forgotten).min(level.nodes.len() & !1);
            level.nodes.drain(..gone);
            level.forgotten += gone;
        }
    }

    /// The root of the first `size` leaves.
    pub fn root(&self, size: usize) -> CryptoHash {
        let height = size.next_power_of_two().trailing_zeros();
        self.node(usize::try_from(height).unwrap_or(0), 0, size).unwrap_or_default()
    }

    /// The path of the leaf at `index` to the root of the first `size` leaves.
    pub fn path(&self, index: usize, size: usize) -> MerklePath {
        let mut path = Vec::new();
        let mut position = index;
        let mut level = 0;
        while 1 << level < size {
            let direction = if position.is_multiple_of(2) { Direction::Right } else { Direction::Left };
            if let Some(hash) = self.node(level, position ^ 1, size) {
                path.push(MerklePathItem { hash, direction });
            }
            position /= 2;
            level += 1;
        }
        path
    }

    /// The node over leaves from `position · 2^level` on in a tree of `size` leaves; a lone left child stands
    /// for its parent.
    fn node(&self, level: usize, position: usize, size: usize) -> Option<CryptoHash> {
        let first = position << level;
        if first >= size {
            return None;
        }
        if (position + 1) << level <= size {
            return self.levels.get(level)?.get(position);
        }
        let left = self.node(level.checked_sub(1)?, position * 2, size)?;
        Some(match self.node(level - 1, position * 2 + 1, size) {
            Some(right) => combine_hash(&left, &right),
            None => left,
        })
    }
}

#[cfg(test)]
mod tests {
    use near_primitives::merkle::{PartialMerkleTree, merklize, verify_hash};

    use super::*;

    #[test]
    fn merkle_tree__should_prove_every_leaf_in_the_tree_of_every_size() {
        // Given a tree grown leaf by leaf beside near-primitives' own
        let mut tree = MerkleTree::default();
        let mut expected = PartialMerkleTree::default();
        let leaves: Vec<_> = (0..37_u8).map(|byte| CryptoHash::hash_bytes(&[byte])).collect();

        for size in 1..=leaves.len() {
            tree.push(leaves[size - 1]);
            expected.insert(leaves[size - 1]);

            // Then the roots agree and every earlier leaf verifies against it
            assert_eq!(tree.root(size), expected.root());
            for (index, leaf) in leaves[..size].iter().enumerate() {
                let path = tree.path(index, size);
                assert!(verify_hash(expected.root(), &path, *leaf), "leaf {index} of {size}");
            }
        }
        // And near-primitives' other way to build a tree agrees, for leaves it hashes itself
        let mut hashed = MerkleTree::default();
        for leaf in &leaves {
            hashed.push(CryptoHash::hash_borsh(leaf));
        }
        let (root, paths) = merklize(&leaves);
        assert_eq!(hashed.root(leaves.len()), root);
        assert_eq!((0..leaves.len()).map(|index| hashed.path(index, leaves.len())).collect::<Vec<_>>(), paths);
        // And old roots are still known
        assert_eq!(tree.root(1), leaves[0]);
        assert_eq!(tree.root(2), combine_hash(&leaves[0], &leaves[1]));
    }

    #[test]
    fn merkle_tree__should_prove_the_rest_after_forgetting() {
        for forgotten in 0..37 {
            // Given a tree whose first leaves are forgotten, and that grows on
            let leaves: Vec<_> = (0..50_u8).map(|byte| CryptoHash::hash_bytes(&[byte])).collect();
            let (mut tree, mut whole) = (MerkleTree::default(), MerkleTree::default());
            leaves[..37].iter().for_each(|leaf| tree.push(*leaf));
            tree.forget(forgotten);
            leaves[37..].iter().for_each(|leaf| tree.push(*leaf));
            leaves.iter().for_each(|leaf| whole.push(*leaf));

            // Then every proof of a later leaf is the same
            for size in forgotten + 1..=leaves.len() {
                assert_eq!(tree.root(size), whole.root(size), "root of {size} without {forgotten}");
                for index in forgotten..size {
                    assert_eq!(
                        tree.path(index, size),
                        whole.path(index, size),
                        "{index} of {size} without {forgotten}"
                    );
                }
            }
        }
    }
}
