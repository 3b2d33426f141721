//! Multi-version storage: what each key held at each of the recent heights.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use near_primitives::{trie_key::TrieKey, types::BlockHeight};
use parking_lot::{RwLock, RwLockReadGuard};

use super::Value;

/// All entries with their versions. Versions of a key are in ascending height; `None` marks a removal.
#[derive(Default)]
pub struct VersionedState {
    entries: BTreeMap<Vec<u8>, Vec<Version>>,
}

struct Version {
    height: BlockHeight,
    value: Option<Value>,
}

impl VersionedState {
    /// Writes what `key` holds from `height` on. Heights must not decrease per key.
    pub fn put(&mut self, height: BlockHeight, key: Vec<u8>, value: Option<Value>) {
        let versions = self.entries.entry(key).or_default();
        match versions.last_mut() {
            Some(last) if last.height == height => last.value = value,
            _ => versions.push(Version { height, value }),
        }
    }

    /// What `key` held after the block at `height` (or the closest one below) was applied.
    pub fn get(&self, height: BlockHeight, key: &[u8]) -> Option<&Value> {
        visible(self.entries.get(key)?, height)
    }

    /// Live entries whose key starts with `prefix` and is greater than `after`, in key order.
    pub fn range<'a>(
        &'a self,
        height: BlockHeight,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
    ) -> impl Iterator<Item = (&'a [u8], &'a Value)> + 'a {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        self.entries
            .range::<[u8], _>((start, Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .filter_map(move |(key, versions)| Some((key.as_slice(), visible(versions, height)?)))
    }

    /// Live keys within raw key bounds, in order.
    pub(super) fn live_keys(
        &self,
        height: BlockHeight,
        bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    ) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.entries
            .range(bounds)
            .filter(move |(_, versions)| visible(versions, height).is_some())
            .map(|(key, _)| key.as_slice())
    }

    /// Forgets the versions of `key` that no height at or above `oldest` can see.
    pub fn prune(&mut self, oldest: BlockHeight, key: &[u8]) {
        let Some(versions) = self.entries.get_mut(key) else { return };
        let dead = versions.partition_point(|version| version.height <= oldest).saturating_sub(1);
        versions.drain(..dead);
        if matches!(versions.as_slice(), [Version { height, value: None }] if *height <= oldest) {
            self.entries.remove(key);
        }
    }
}

fn visible(versions: &[Version], height: BlockHeight) -> Option<&Value> {
    let end = versions.partition_point(|version| version.height <= height);
    versions[..end].last()?.value.as_ref()
}

/// A view of the state as it was after one block. Cheap to clone and safe to hold across blocks.
#[derive(Clone)]
pub struct Snapshot {
    state: Arc<RwLock<VersionedState>>,
    height: BlockHeight,
}

impl Snapshot {
    /// The state after the block at `height`.
    pub fn new(state: Arc<RwLock<VersionedState>>, height: BlockHeight) -> Self {
        Self { state, height }
    }

    /// The height this snapshot is at.
    pub fn height(&self) -> BlockHeight {
        self.height
    }

    pub(super) fn read_state(&self) -> RwLockReadGuard<'_, VersionedState> {
        self.state.read()
    }

    /// The bytes under a raw key.
    pub fn get_raw(&self, key: &[u8]) -> Option<Value> {
        self.state.read().get(self.height, key).cloned()
    }

    /// The bytes under a trie key.
    pub fn get(&self, key: &TrieKey) -> Option<Value> {
        self.get_raw(&key.to_vec())
    }

    /// Up to `limit` live entries under `prefix` after the key `after`, in key order.
    pub fn range(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<(Vec<u8>, Value)> {
        let state = self.state.read();
        state
            .range(self.height, prefix, after)
            .take(limit)
            .map(|(key, value)| (key.to_vec(), Arc::clone(value)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(byte: u8) -> Option<Value> {
        Some(Arc::from([byte].as_slice()))
    }

    fn read(state: &VersionedState, height: BlockHeight, key: &[u8]) -> Option<u8> {
        state.get(height, key).map(|bytes| bytes[0])
    }

    #[test]
    fn versioned_state__should_show_each_height_its_own_value() {
        // Given a key written at 5 and 8 and removed at 9
        let mut state = VersionedState::default();
        state.put(5, b"a".to_vec(), value(1));
        state.put(8, b"a".to_vec(), value(2));
        state.put(9, b"a".to_vec(), None);

        // Then every height sees what held at that time
        let seen: Vec<_> = (4..=9).map(|height| read(&state, height, b"a")).collect();
        assert_eq!(seen, [None, Some(1), Some(1), Some(1), Some(2), None]);
    }

    #[test]
    fn versioned_state__should_keep_what_the_oldest_height_sees_when_pruned() {
        // Given three versions
        let mut state = VersionedState::default();
        state.put(1, b"a".to_vec(), value(1));
        state.put(4, b"a".to_vec(), value(2));
        state.put(7, b"a".to_vec(), None);

        // When heights below 5 are forgotten
        state.prune(5, b"a");

        // Then 5 still sees the version of 4, and at 7 the key can go whole
        assert_eq!(read(&state, 5, b"a"), Some(2));
        state.prune(7, b"a");
        assert!(state.entries.is_empty());
    }

    #[test]
    fn versioned_state__should_list_live_keys_of_a_prefix_in_order() {
        // Given keys around a prefix, one of them removed
        let mut state = VersionedState::default();
        for key in [b"a0".as_slice(), b"b1", b"b2", b"b3", b"c0"] {
            state.put(1, key.to_vec(), value(1));
        }
        state.put(2, b"b2".to_vec(), None);

        // Then only live keys of the prefix come, and `after` pages through them
        let keys = |height, after: Option<&[u8]>| {
            state.range(height, b"b", after).map(|(key, _)| key.to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(keys(2, None), [b"b1".to_vec(), b"b3".to_vec()]);
        assert_eq!(keys(1, Some(b"b1")), [b"b2".to_vec(), b"b3".to_vec()]);
    }
}
