//! Accounts that are there from the beginning, with keys that are the same on every machine.

use near_chain_configs::Genesis;
use near_crypto::{KeyFile, KeyType, SecretKey};
use near_primitives::types::{AccountId, Balance};

use super::genesis;

/// First names of accounts; from the eleventh on they are numbered.
const NAMES: [&str; 10] = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"];

/// The keys of an account made of its name. Everyone knows them.
pub fn well_known_key(account_id: &AccountId) -> KeyFile {
    let secret_key = SecretKey::from_seed(KeyType::ED25519, account_id.as_str());
    KeyFile { account_id: account_id.clone(), public_key: secret_key.public_key(), secret_key }
}

/// The first `count` accounts below `root_id`.
pub fn well_known_accounts(root_id: &AccountId, count: usize) -> Vec<KeyFile> {
    let name = |index: usize| NAMES.get(index).map_or_else(|| format!("dev{}", index + 1), |name| (*name).to_owned());
    (0..count)
        .filter_map(|index| format!("{}.{root_id}", name(index)).parse().ok())
        .map(|account_id| well_known_key(&account_id))
        .collect()
}

/// Puts accounts into a genesis, each with this balance.
pub fn add_accounts(genesis: &mut Genesis, accounts: &[KeyFile], balance: Balance) {
    genesis::add_records(
        genesis,
        accounts.iter().flat_map(|key| genesis::account(&key.account_id, &key.public_key, balance, Balance::ZERO)),
    );
}
