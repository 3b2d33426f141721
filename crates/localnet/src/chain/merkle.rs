//! Merkle proofs: of outcomes within a block, and of blocks within the chain.

use near_primitives::{
    hash::CryptoHash,
    merkle::{Direction, MerklePath, MerklePathItem, combine_hash, merklize},
    transaction::ExecutionOutcomeWithId,
};

/// The root over a block's outcomes.
pub fn outcome_root(outcomes: &[ExecutionOutcomeWithId]) -> CryptoHash {
    merklize(&hashes(outcomes)).0
}

/// The path from the outcome at `index` to its block's outcome root.
pub fn outcome_path(outcomes: &[ExecutionOutcomeWithId], index: usize) -> MerklePath {
    merklize(&hashes(outcomes)).1.into_iter().nth(index).unwrap_or_default()
}

fn hashes(outcomes: &[ExecutionOutcomeWithId]) -> Vec<Vec<CryptoHash>> {
    outcomes.iter().map(ExecutionOutcomeWithId::to_hashes).collect()
}

/// An append-only Merkle tree over block hashes that remembers all complete subtrees, so that a proof in the
/// tree as it was at any size takes logarithmic time.
#[derive(Default)]
pub struct BlockTree {
    /// `levels[k][i]` is the root of the leaves `i · 2^k ..= (i + 1) · 2^k − 1`.
    levels: Vec<Vec<CryptoHash>>,
}

impl BlockTree {
    /// Adds the next block's hash.
    pub fn push(&mut self, leaf: CryptoHash) {
        let mut node = leaf;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            nodes.push(node);
            let [.., left, right] = nodes.as_slice() else { return };
            if nodes.len() % 2 == 1 {
                return;
            }
            node = combine_hash(left, right);
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
            let direction = if position % 2 == 0 { Direction::Right } else { Direction::Left };
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
            return self.levels.get(level)?.get(position).copied();
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
    #![allow(non_snake_case)]

    use near_primitives::merkle::{PartialMerkleTree, verify_hash};

    use super::*;

    #[test]
    fn block_tree__should_prove_every_leaf_in_the_tree_of_every_size() {
        // Given a tree grown leaf by leaf beside near-primitives' own
        let mut tree = BlockTree::default();
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
        // And old roots are still known
        assert_eq!(tree.root(1), leaves[0]);
        assert_eq!(tree.root(2), combine_hash(&leaves[0], &leaves[1]));
    }
}
