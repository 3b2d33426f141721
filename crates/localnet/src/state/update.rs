//! The writes of one block: pending until their receipt succeeds, then logged with their cause.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::{
    trie_key::TrieKey,
    types::{RawStateChange, RawStateChangesWithTrieKey, StateChangeCause},
};

use super::{Snapshot, Value};

/// What one block wrote: raw key → every committed value in order, each with its cause.
pub type ChangeLog = BTreeMap<Vec<u8>, KeyChanges>;

/// The committed values of one key within a block.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub struct KeyChanges {
    /// The typed key.
    pub trie_key: TrieKey,
    /// Values in the order of their commits; `None` is a removal.
    pub values: Vec<(StateChangeCause, Option<Value>)>,
}

impl KeyChanges {
    /// The value after the block.
    pub fn last(&self) -> Option<&Value> {
        self.values.last()?.1.as_ref()
    }

    /// The same change in near-primitives' type, from which its views are made.
    pub fn to_raw(&self) -> RawStateChangesWithTrieKey {
        let changes = self
            .values
            .iter()
            .map(|(cause, value)| RawStateChange {
                cause: cause.clone(),
                data: value.as_ref().map(|bytes| bytes.to_vec()),
            })
            .collect();
        RawStateChangesWithTrieKey { trie_key: self.trie_key.clone(), changes }
    }
}

/// Reads through pending and committed writes of the block under construction to the state before it.
pub struct StateUpdate {
    base: Snapshot,
    committed: ChangeLog,
    pending: BTreeMap<Vec<u8>, (TrieKey, Option<Value>)>,
}

impl StateUpdate {
    /// An update on top of the state after the parent block.
    pub fn new(base: Snapshot) -> Self {
        Self { base, committed: BTreeMap::new(), pending: BTreeMap::new() }
    }

    /// The state before the block.
    pub fn base(&self) -> &Snapshot {
        &self.base
    }

    /// The current value under a key.
    pub fn get(&self, key: &TrieKey) -> Option<Value> {
        let raw = key.to_vec();
        match self.overlay(&raw) {
            Some(value) => value.cloned(),
            None => self.base.get_raw(&raw),
        }
    }

    /// Whether this block already wrote the key, so that a read of it touches no trie node.
    pub fn is_written(&self, raw: &[u8]) -> bool {
        self.overlay(raw).is_some()
    }

    /// Writes a value, pending until [`Self::commit`].
    pub fn set(&mut self, key: TrieKey, value: Vec<u8>) {
        self.pending.insert(key.to_vec(), (key, Some(Value::from(value))));
    }

    /// Removes a value, pending until [`Self::commit`].
    pub fn remove(&mut self, key: TrieKey) {
        self.pending.insert(key.to_vec(), (key, None));
    }

    /// The live keys under a raw prefix, in order.
    pub fn keys(&self, prefix: &[u8]) -> Vec<Vec<u8>> {
        let mut keys: BTreeMap<Vec<u8>, bool> =
            self.base.range(prefix, None, usize::MAX).into_iter().map(|(key, _)| (key, true)).collect();
        for (key, change) in in_prefix(&self.committed, prefix) {
            keys.insert(key.clone(), change.last().is_some());
        }
        for (key, (_, value)) in in_prefix(&self.pending, prefix) {
            keys.insert(key.clone(), value.is_some());
        }
        keys.into_iter().filter_map(|(key, live)| live.then_some(key)).collect()
    }

    /// Keeps the pending writes, with the cause they are reported under.
    pub fn commit(&mut self, cause: StateChangeCause) {
        for (raw, (trie_key, value)) in std::mem::take(&mut self.pending) {
            self.committed
                .entry(raw)
                .or_insert_with(|| KeyChanges { trie_key, values: Vec::new() })
                .values
                .push((cause.clone(), value));
        }
    }

    /// Drops the pending writes.
    pub fn rollback(&mut self) {
        self.pending.clear();
    }

    /// Everything committed. Pending writes are dropped.
    pub fn finish(self) -> ChangeLog {
        self.committed
    }

    fn overlay(&self, raw: &[u8]) -> Option<Option<&Value>> {
        if let Some((_, value)) = self.pending.get(raw) {
            return Some(value.as_ref());
        }
        self.committed.get(raw).map(KeyChanges::last)
    }
}

fn in_prefix<'a, V>(map: &'a BTreeMap<Vec<u8>, V>, prefix: &'a [u8]) -> impl Iterator<Item = (&'a Vec<u8>, &'a V)> {
    map.range(prefix.to_vec()..).take_while(move |(key, _)| key.starts_with(prefix))
}
