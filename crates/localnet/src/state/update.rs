//! The writes of one block: pending until their receipt succeeds, then logged with their cause.

use std::{cell::RefCell, collections::BTreeMap};

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::{
    trie_key::TrieKey,
    types::{BlockHeight, RawStateChange, RawStateChangesWithTrieKey, StateChangeCause},
};

use super::{Snapshot, Touched, Value, VersionedState, accounting::Accounting};

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

impl VersionedState {
    /// Writes what the block at `height` changed.
    pub fn put_all(&mut self, height: BlockHeight, changes: &ChangeLog) {
        for (key, change) in changes {
            self.put(height, key.clone(), change.last().cloned());
        }
    }
}

/// Reads through pending and committed writes of the block under construction to the state before it.
pub struct StateUpdate {
    base: Snapshot,
    committed: ChangeLog,
    pending: BTreeMap<Vec<u8>, (TrieKey, Option<Value>)>,
    /// Reads are accounted for too, and they do not change the update.
    accounting: RefCell<Accounting>,
}

/// A value that a receipt found under a key.
pub struct Found {
    /// The bytes.
    pub value: Value,
    /// Whether this block wrote it, so that it comes from memory and not from the trie.
    pub from_memory: bool,
}

impl StateUpdate {
    /// An update on top of the state after the parent block.
    pub fn new(base: Snapshot) -> Self {
        Self { base, committed: BTreeMap::new(), pending: BTreeMap::new(), accounting: RefCell::default() }
    }

    /// The current value under a key.
    pub fn get(&self, key: &TrieKey) -> Option<Value> {
        let raw = key.to_vec();
        match self.overlay(&raw) {
            Some(value) => value.cloned(),
            None => self.base.get_raw(&raw),
        }
    }

    /// What a receipt finds under a key. The path to it becomes part of the storage proof.
    pub fn find(&self, key: &TrieKey) -> Option<Found> {
        self.look_up(key, |_| {})
    }

    /// What a contract overwrites or removes, and the trie nodes on the path that it pays for.
    pub fn find_old(&self, key: &TrieKey) -> (Option<Found>, Touched) {
        let mut touched = Touched::default();
        let found = self.look_up(key, |raw| touched = self.accounting.borrow_mut().touch_path(&self.base, raw));
        (found, touched)
    }

    /// What the runtime reads under a key. The path to it and the value become part of the storage proof.
    pub fn find_whole(&self, key: &TrieKey) -> Option<Value> {
        let found = self.find(key)?;
        self.prove_found(&found);
        Some(found.value)
    }

    /// Accounts for a contract that reads a found value.
    pub fn read_found(&self, found: &Found) -> Touched {
        if found.from_memory {
            return Touched::default();
        }
        self.prove_found(found);
        self.accounting.borrow_mut().touch_value(&found.value)
    }

    fn prove_found(&self, found: &Found) {
        if !found.from_memory {
            self.accounting.borrow_mut().prove_value(Value::clone(&found.value));
        }
    }

    /// From here on, what is added to the storage proof is another receipt's.
    pub fn start_receipt(&mut self) {
        self.accounting.get_mut().start_receipt();
    }

    /// Bytes that this receipt added to the storage proof, or more as long as that is within `limit`.
    pub fn receipt_proof_size(&self, limit: usize) -> usize {
        self.accounting.borrow_mut().receipt_proof_size(&self.base, limit)
    }

    /// Whether the block's storage proof has more bytes than `limit`.
    pub fn block_proof_exceeds(&self, limit: u64) -> bool {
        self.accounting.borrow_mut().block_proof_exceeds(&self.base, limit)
    }

    /// Writes a value, pending until [`Self::commit`].
    pub fn set(&mut self, key: TrieKey, value: Vec<u8>) {
        self.pending.insert(key.to_vec(), (key, Some(Value::from(value))));
    }

    /// Removes a value, pending until [`Self::commit`]. Removing a contract's data counts in the storage proof.
    pub fn remove(&mut self, key: TrieKey) {
        if matches!(key, TrieKey::ContractData { .. }) {
            self.accounting.get_mut().prove_removal();
        }
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

    fn look_up(&self, key: &TrieKey, touch: impl FnOnce(&[u8])) -> Option<Found> {
        let raw = key.to_vec();
        if let Some(value) = self.overlay(&raw) {
            return value.map(|value| Found { value: Value::clone(value), from_memory: true });
        }
        touch(&raw);
        let found = self.base.get_raw(&raw).map(|value| Found { value, from_memory: false });
        self.accounting.borrow_mut().prove_path(raw);
        found
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
