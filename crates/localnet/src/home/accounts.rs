//! Accounts that are there from the beginning, with keys that are the same on every machine.

use near_crypto::{InMemorySigner, KeyFile, KeyType};
use near_primitives::types::AccountId;

/// First names of accounts; from the eleventh on they are numbered.
const NAMES: [&str; 10] = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"];

/// The keys of an account made of its name. Everyone knows them.
pub fn well_known_key(account_id: &AccountId) -> KeyFile {
    InMemorySigner::from_seed(account_id.clone(), KeyType::ED25519, account_id.as_str()).into()
}

/// The first `count` accounts below `root_id`.
pub fn well_known_accounts(root_id: &AccountId, count: usize) -> Vec<KeyFile> {
    let name = |index: usize| NAMES.get(index).map_or_else(|| format!("dev{}", index + 1), |name| (*name).to_owned());
    (0..count)
        .filter_map(|index| format!("{}.{root_id}", name(index)).parse().ok())
        .map(|account_id| well_known_key(&account_id))
        .collect()
}
