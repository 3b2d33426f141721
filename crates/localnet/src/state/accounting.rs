//! What reads and writes of contracts cost beyond their bytes: trie nodes touched, and the storage proof they leave
//! (nearcore `runtime/runtime/src/ext.rs`, `core/store/src/trie/trie_recording.rs`).

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hasher},
};

use super::{Snapshot, Value, trie::NodeKind};

/// What nearcore adds to the proof for each removed key, to be safe.
const REMOVAL_BYTES: usize = 2_000;
/// The largest trie node except for its key: a branch with sixteen children and a value.
const LARGEST_NODE_BYTES: usize = 1 + VALUE_REF_BYTES + 2 + 16 * HASH_BYTES + MEMORY_USAGE_BYTES;
const HASH_BYTES: usize = 32;
const VALUE_REF_BYTES: usize = 4 + HASH_BYTES;
const MEMORY_USAGE_BYTES: usize = 8;

/// Trie nodes touched by one access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Read for the first time in this block.
    pub fresh: u64,
    /// Read before in this block.
    pub cached: u64,
}

impl Touched {
    /// Those of two accesses.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { fresh: self.fresh + other.fresh, cached: self.cached + other.cached }
    }

    fn count(&mut self, fresh: bool) {
        if fresh {
            self.fresh += 1;
        } else {
            self.cached += 1;
        }
    }
}

/// The accounts of one block.
///
/// The proof is only measured as exactly as needed: as long as the accesses could not exceed the limit even if every
/// nibble of their keys were a full branch, that bound is its size.
#[derive(Default)]
pub struct Accounting {
    touched: HashSet<u64>,
    unmeasured: Vec<Access>,
    in_proof: HashSet<u64>,
    block: ProofSize,
    receipt: ProofSize,
    /// The first of the unmeasured accesses that is the receipt's own.
    receipt_starts: usize,
}

/// Bytes of a storage proof: those measured, and the most that the rest can have.
#[derive(Clone, Copy, Default)]
struct ProofSize {
    measured: usize,
    bound: usize,
}

impl ProofSize {
    fn most(self) -> usize {
        self.measured + self.bound
    }
}

enum Access {
    Path(Vec<u8>),
    Value(Value),
    Removal,
}

impl Access {
    fn bound(&self) -> usize {
        match self {
            Self::Path(key) => (key.len() * 2 + 1) * LARGEST_NODE_BYTES + key.len(),
            Self::Value(value) => value.len(),
            Self::Removal => REMOVAL_BYTES,
        }
    }
}

impl Accounting {
    /// Counts the nodes on the path to `key` that a write or a removal is charged for.
    pub fn touch_path(&mut self, base: &Snapshot, key: &[u8]) -> Touched {
        let mut touched = Touched::default();
        base.read_state().walk_path(base.height(), key, |node| touched.count(self.touched.insert(node.id(key))));
        touched
    }

    /// Counts a value that is read. Like nodes, values are known by their contents.
    pub fn touch_value(&mut self, value: &Value) -> Touched {
        let mut touched = Touched::default();
        touched.count(self.touched.insert(contents_id(value)));
        touched
    }

    /// The path to `key` becomes part of the proof.
    pub fn prove_path(&mut self, key: Vec<u8>) {
        self.prove(Access::Path(key));
    }

    /// A value becomes part of the proof.
    pub fn prove_value(&mut self, value: Value) {
        self.prove(Access::Value(value));
    }

    /// A key of a contract is removed.
    pub fn prove_removal(&mut self) {
        self.prove(Access::Removal);
    }

    /// From here on, accesses are those of another receipt.
    pub fn start_receipt(&mut self) {
        self.receipt = ProofSize::default();
        self.receipt_starts = self.unmeasured.len();
    }

    /// Bytes that this receipt added to the proof, or more as long as that is within `limit`.
    pub fn receipt_proof_size(&mut self, base: &Snapshot, limit: usize) -> usize {
        if self.receipt.most() > limit {
            self.measure_all(base);
        }
        self.receipt.most()
    }

    /// Whether the block's proof has more bytes than `limit`.
    pub fn block_proof_exceeds(&mut self, base: &Snapshot, limit: u64) -> bool {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if self.block.most() > limit {
            self.measure_all(base);
        }
        self.block.most() > limit
    }

    fn prove(&mut self, access: Access) {
        let bound = access.bound();
        self.receipt.bound += bound;
        self.block.bound += bound;
        self.unmeasured.push(access);
    }

    fn measure_all(&mut self, base: &Snapshot) {
        for (index, access) in std::mem::take(&mut self.unmeasured).iter().enumerate() {
            let bytes = self.measure(base, access);
            self.block.measured += bytes;
            if index >= self.receipt_starts {
                self.receipt.measured += bytes;
            }
        }
        self.receipt_starts = 0;
        (self.block.bound, self.receipt.bound) = (0, 0);
    }

    /// Bytes that an access adds to what is already in the proof.
    fn measure(&mut self, base: &Snapshot, access: &Access) -> usize {
        match access {
            Access::Removal => REMOVAL_BYTES,
            Access::Value(value) if self.in_proof.insert(contents_id(value)) => value.len(),
            Access::Value(_) => 0,
            Access::Path(key) => {
                let (state, height) = (base.read_state(), base.height());
                let mut bytes = 0;
                state.walk_path(height, key, |node| {
                    if self.in_proof.insert(node.id(key)) {
                        bytes += match node.kind {
                            NodeKind::Leaf(nibbles) => encoded_key_bytes(nibbles) + VALUE_REF_BYTES,
                            NodeKind::Extension(nibbles) => encoded_key_bytes(nibbles) + HASH_BYTES,
                            NodeKind::Branch { has_value } => {
                                let children = state.branch_children(height, key, node.depth);
                                2 + children * HASH_BYTES + if has_value { VALUE_REF_BYTES } else { 0 }
                            }
                        };
                        bytes += 1 + MEMORY_USAGE_BYTES;
                    }
                });
                bytes
            }
        }
    }
}

/// A length, and nibbles two to a byte after one byte of flags that takes an odd first one.
fn encoded_key_bytes(nibbles: usize) -> usize {
    4 + 1 + nibbles / 2
}

fn contents_id(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(value);
    hasher.write_u8(1);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::RwLock;

    use super::*;
    use crate::state::VersionedState;

    /// A state with "a" (0x61) and "b" (0x62), which is an extension, a branch and two leaves.
    fn two_keys() -> Snapshot {
        let mut state = VersionedState::default();
        state.put(1, b"a".to_vec(), Some(Value::from([7; 100])));
        state.put(1, b"b".to_vec(), Some(Value::from([8; 100])));
        Snapshot::new(Arc::new(RwLock::new(state)), 1)
    }

    #[test]
    fn touch_path__should_count_each_node_as_fresh_once_a_block() {
        // Given two keys that share two nodes
        let base = two_keys();
        let mut accounting = Accounting::default();

        // Then the second key finds those in the cache, and the first one all
        assert_eq!(accounting.touch_path(&base, b"a"), Touched { fresh: 3, cached: 0 });
        assert_eq!(accounting.touch_path(&base, b"b"), Touched { fresh: 1, cached: 2 });
        assert_eq!(accounting.touch_path(&base, b"a"), Touched { fresh: 0, cached: 3 });
        let value = base.get_raw(b"a").unwrap();
        assert_eq!(accounting.touch_value(&value), Touched { fresh: 1, cached: 0 });
        assert_eq!(accounting.touch_value(&value), Touched { fresh: 0, cached: 1 });
    }

    #[test]
    fn proof__should_have_the_bytes_of_nearcores_nodes() {
        // Given a receipt that reads one of two keys
        let base = two_keys();
        let mut accounting = Accounting::default();
        accounting.prove_path(b"a".to_vec());
        accounting.prove_value(base.get_raw(b"a").unwrap());

        // Then its proof is an extension, a branch with two children, a leaf with no nibble left, and the value
        let extension = 1 + (4 + 1) + 32 + 8;
        let branch = 1 + 2 + 2 * 32 + 8;
        let leaf = 1 + (4 + 1) + 36 + 8;
        assert_eq!(accounting.receipt_proof_size(&base, 0), extension + branch + leaf + 100);

        // And another receipt adds only what was not there before
        accounting.start_receipt();
        accounting.prove_path(b"b".to_vec());
        accounting.prove_removal();
        assert_eq!(accounting.receipt_proof_size(&base, 0), leaf + 2_000);
        assert!(accounting.receipt_proof_size(&base, 100_000) >= leaf + 2_000);

        // And that of the block is both
        let both = u64::try_from(extension + branch + leaf + 100 + leaf + 2_000).unwrap();
        assert!(!accounting.block_proof_exceeds(&base, both) && accounting.block_proof_exceeds(&base, both - 1));
    }

    #[test]
    fn proof__should_never_be_more_than_its_bound() {
        // Given keys of which every nibble is a full branch with a value
        let mut state = VersionedState::default();
        for byte in 0..=u8::MAX {
            for key in [vec![byte], vec![0, byte], vec![0, 0, byte]] {
                state.put(1, key, Some(Value::from([0])));
            }
        }
        let base = Snapshot::new(Arc::new(RwLock::new(state)), 1);

        // When the deepest one is read
        let mut accounting = Accounting::default();
        accounting.prove_path(vec![0, 0, 0]);

        // Then the bound holds
        let bound = accounting.receipt_proof_size(&base, usize::MAX);
        let exact = accounting.receipt_proof_size(&base, 0);
        assert!(exact <= bound, "{exact} {bound}");
        assert!(exact > 5 * 16 * 32, "{exact}");
    }
}
