//! What is stored.

use near_contract_standards::fungible_token::FungibleToken;
use near_sdk::{
    AccountId, BorshStorageKey, StorageUsage,
    borsh::{BorshDeserialize, BorshSerialize},
    collections::LookupMap,
    env,
};

/// Key of the metadata, NEP-148 JSON.
pub const METADATA: &[u8] = b"METADATA";

/// Prefixes of stored collections. Append only.
#[derive(BorshStorageKey, BorshSerialize)]
#[borsh(crate = "near_sdk::borsh")]
enum StorageKey {
    Accounts,
}

/// What is common to all accounts.
#[derive(BorshDeserialize, BorshSerialize)]
#[borsh(crate = "near_sdk::borsh")]
pub struct Ledger {
    /// Who mints.
    pub owner_id: AccountId,
    /// The sum of all balances.
    pub total_supply: u128,
    /// The most that it can become.
    pub total_supply_cap: u128,
    /// Bytes of the largest account.
    account_storage_usage: StorageUsage,
}

impl Ledger {
    /// Nobody has anything yet.
    pub fn start(owner_id: AccountId, total_supply_cap: u128) -> Self {
        let account_storage_usage = FungibleToken::new(StorageKey::Accounts).account_storage_usage;
        Self { owner_id, total_supply: 0, total_supply_cap, account_storage_usage }
    }

    /// Reads it.
    pub fn load() -> Self {
        env::state_read().unwrap_or_else(|| env::panic_str("ERR_NOT_INITIALISED: call `new` first"))
    }

    /// Writes it.
    pub fn store(&self) {
        env::state_write(self);
    }

    /// The token for everything but transfers.
    pub fn token(&self) -> FungibleToken {
        let Self { total_supply, account_storage_usage, .. } = *self;
        FungibleToken { total_supply, account_storage_usage, ..balances() }
    }
}

/// The token for transfers, which leave the supply as it is: the library takes the amount from it and adds it again.
pub fn balances() -> FungibleToken {
    FungibleToken { accounts: LookupMap::new(StorageKey::Accounts), total_supply: u128::MAX, account_storage_usage: 0 }
}
