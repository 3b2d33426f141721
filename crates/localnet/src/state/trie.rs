//! The trie nodes nearcore would touch for a key, without keeping a trie.
//!
//! The shape of a Merkle-Patricia trie follows from its key set: below a common prefix, one key is a leaf,
//! several keys branch where they first differ, and what they share before that is an extension. So the
//! nodes on a lookup's path are found with two ordered look-ups per level (nearcore `core/store/src/trie/mod.rs`,
//! `lookup`).

use std::{
    hash::{DefaultHasher, Hasher},
    ops::Bound,
};

use near_primitives::types::BlockHeight;

use super::VersionedState;

/// A node on the path of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathNode {
    /// Nibbles between the root and this node.
    pub depth: usize,
    /// What it is.
    pub kind: NodeKind,
}

/// The kinds of trie nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// One key, of which this many nibbles are left.
    Leaf(usize),
    /// This many nibbles that all keys below share.
    Extension(usize),
    /// Where keys differ; with a value if one of them ends here.
    Branch {
        /// Whether a key ends here.
        has_value: bool,
    },
}

impl PathNode {
    /// Identifies the node among all nodes of one trie: its place is what it shares with `key`, on whose path
    /// it is.
    pub fn id(&self, key: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(&nibble_prefix(key, self.depth, 0));
        hasher.write_usize(self.depth);
        hasher.finish()
    }
}

impl VersionedState {
    /// Shows `visit` the nodes that a lookup of `key` reads in the trie of all live entries at `height`.
    pub fn walk_path(&self, height: BlockHeight, key: &[u8], mut visit: impl FnMut(PathNode)) {
        let key_nibbles = key.len() * 2;
        let mut depth = 0;
        while let Some((first, last)) = self.extremes(height, key, depth) {
            if first == last {
                visit(PathNode { depth, kind: NodeKind::Leaf(first.len() * 2 - depth) });
                return;
            }
            let branch = common_nibbles(first, last);
            if branch > depth {
                visit(PathNode { depth, kind: NodeKind::Extension(branch - depth) });
                if common_nibbles(first, key) < branch {
                    return;
                }
            }
            visit(PathNode { depth: branch, kind: NodeKind::Branch { has_value: first.len() * 2 == branch } });
            if branch >= key_nibbles {
                return;
            }
            depth = branch + 1;
        }
    }

    /// How many children the branch at `depth` on the path of `key` has.
    pub fn branch_children(&self, height: BlockHeight, key: &[u8], depth: usize) -> usize {
        let mut child = nibble_prefix(key, depth, 0);
        if depth.is_multiple_of(2) {
            child.push(0);
        }
        let last = child.len() - 1;
        (0..16_u8)
            .filter(|nibble| {
                child[last] = if depth.is_multiple_of(2) { nibble << 4 } else { (child[last] & 0xf0) | nibble };
                self.extremes(height, &child, depth + 1).is_some()
            })
            .count()
    }

    /// The first and the last live key that share the first `depth` nibbles of `key`.
    fn extremes(&self, height: BlockHeight, key: &[u8], depth: usize) -> Option<(&[u8], &[u8])> {
        let start = nibble_prefix(key, depth, 0x0);
        let end = next_prefix(nibble_prefix(key, depth, 0xf));
        let bounds = (Bound::Included(start), end.map_or(Bound::Unbounded, Bound::Excluded));
        let mut live = self.live_keys(height, bounds);
        let first = live.next()?;
        Some((first, live.next_back().unwrap_or(first)))
    }
}

/// The bytes covering the first `depth` nibbles; an odd last nibble is completed with `filler`.
fn nibble_prefix(key: &[u8], depth: usize, filler: u8) -> Vec<u8> {
    let mut prefix = key[..depth / 2].to_vec();
    if depth % 2 == 1 {
        prefix.push((key[depth / 2] & 0xf0) | filler);
    }
    prefix
}

/// The smallest byte string greater than every string that starts with `prefix`.
fn next_prefix(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if let Some(next) = last.checked_add(1) {
            prefix.push(next);
            return Some(prefix);
        }
    }
    None
}

fn common_nibbles(a: &[u8], b: &[u8]) -> usize {
    let bytes = a.iter().zip(b).take_while(|(left, right)| left == right).count();
    match (a.get(bytes), b.get(bytes)) {
        (Some(left), Some(right)) if left & 0xf0 == right & 0xf0 => bytes * 2 + 1,
        _ => bytes * 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(keys: &[&[u8]], looked_up: &[u8]) -> usize {
        let mut state = VersionedState::default();
        for key in keys {
            state.put(1, key.to_vec(), Some(std::sync::Arc::from([0].as_slice())));
        }
        let mut nodes = 0;
        state.walk_path(1, looked_up, |_| nodes += 1);
        nodes
    }

    #[test]
    fn walk_path__should_count_leaves_extensions_and_branches() {
        assert_eq!(nodes(&[], b"a"), 0, "an empty trie has no node");
        assert_eq!(nodes(&[b"a"], b"a"), 1, "one key is a leaf");
        assert_eq!(nodes(&[b"a"], b"b"), 1, "another leaf is read to see that it differs");
        // 0x61 and 0x62 share the nibble 6: extension, branch, leaf.
        assert_eq!(nodes(&[b"a", b"b"], b"a"), 3);
        assert_eq!(nodes(&[b"a", b"b"], b"c"), 2, "the branch has no such child");
        assert_eq!(nodes(&[b"a", b"b"], b"q"), 1, "the extension differs");
        // 0x61 and 0x71 differ at once: branch, leaf.
        assert_eq!(nodes(&[b"a", b"q"], b"q"), 2);
        // "a" is a value in the branch below the extension.
        assert_eq!(nodes(&[b"a", b"ab"], b"a"), 2);
        assert_eq!(nodes(&[b"a", b"ab"], b"ab"), 3);
    }
    #[test]
    fn branch_children__should_count_what_grows_from_a_branch() {
        // Given "a" with three longer keys, two of which share a nibble
        let mut state = VersionedState::default();
        for key in [b"a".as_slice(), b"a\x10", b"a\x11", b"a\xf0", b"b"] {
            state.put(1, key.to_vec(), Some(std::sync::Arc::from([0].as_slice())));
        }

        // Then the branch after "a" has two children, and those on its way as many as there are ways to go
        assert_eq!(state.branch_children(1, b"a\x10", 2), 2);
        assert_eq!(state.branch_children(1, b"a\x10", 3), 2);
        assert_eq!(state.branch_children(1, b"a", 1), 2, "61 and 62");
    }
}
