//! Counts the trie nodes nearcore would touch for a key, without keeping a trie.
//!
//! The shape of a Merkle-Patricia trie follows from its key set: below a common prefix, one key is a leaf,
//! several keys branch where they first differ, and what they share before that is an extension. So the
//! nodes on a lookup's path can be counted with two ordered look-ups per level.

use std::ops::Bound;

use near_primitives::{trie_key::TrieKey, types::BlockHeight};

use super::{Snapshot, StateUpdate, VersionedState};

impl VersionedState {
    /// Nodes visited by a lookup of `key` in the trie of all live entries at `height`.
    pub fn path_nodes(&self, height: BlockHeight, key: &[u8]) -> u64 {
        let key_nibbles = key.len() * 2;
        let mut depth = 0;
        let mut nodes = 0;
        while let Some((first, last)) = self.extremes(height, key, depth) {
            nodes += 1;
            if first == last {
                return nodes;
            }
            let branch = common_nibbles(first, last);
            if branch > depth {
                if common_nibbles(first, key) < branch {
                    return nodes;
                }
                nodes += 1;
            }
            if branch >= key_nibbles {
                return nodes;
            }
            depth = branch + 1;
        }
        nodes
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

impl Snapshot {
    /// Nodes visited by a lookup of `key` in the state of this snapshot.
    pub fn path_nodes(&self, key: &[u8]) -> u64 {
        self.read_state().path_nodes(self.height(), key)
    }
}

impl StateUpdate {
    /// Nodes a write or removal of `key` is charged for: its path in the trie before the block and its old
    /// value, or nothing if this block already wrote the key.
    pub fn trie_nodes_touched(&self, key: &TrieKey) -> u64 {
        let raw = key.to_vec();
        if self.is_written(&raw) {
            return 0;
        }
        let value = u64::from(self.base().get_raw(&raw).is_some());
        self.base().path_nodes(&raw) + value
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
    #![allow(non_snake_case)]

    use super::*;

    fn nodes(keys: &[&[u8]], looked_up: &[u8]) -> u64 {
        let mut state = VersionedState::default();
        for key in keys {
            state.put(1, key.to_vec(), Some(std::sync::Arc::from([0].as_slice())));
        }
        state.path_nodes(1, looked_up)
    }

    #[test]
    fn path_nodes__should_count_leaves_extensions_and_branches() {
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
}
