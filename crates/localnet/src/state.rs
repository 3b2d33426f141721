//! The chain's state: one ordered map from trie keys to bytes, with the versions that recent blocks saw.
//!
//! Keys are exactly nearcore's trie keys ([`near_primitives::trie_key::TrieKey`]), so iteration order,
//! change kinds and the count of trie nodes follow from them.

mod accounting;
mod records;
mod trie;
mod update;
mod versions;

pub use accounting::Touched;
pub use records::{StateError, decode};
pub use update::{ChangeLog, Found, KeyChanges, StateUpdate};
pub use versions::{Snapshot, VersionedState};

/// The bytes of one state entry, shared between versions, change logs and readers.
pub type Value = std::sync::Arc<[u8]>;
