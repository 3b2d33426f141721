//! The state and the block a chain starts with (nearcore `genesis.rs`).

use std::{collections::BTreeMap, sync::Arc};

use near_chain_configs::Genesis;
use near_primitives::{
    account::Account,
    block_header::{BlockHeaderInnerLite, compute_bp_hash_from_validator_stakes},
    hash::CryptoHash,
    state_record::StateRecord,
    trie_key::TrieKey,
    types::{AccountId, Balance, StorageUsage},
};

use crate::{
    block::{Block, MerkleTree, block_hash, epoch_id},
    runtime::Runtime,
    state::{Value, VersionedState},
    store::Recovered,
};

/// The genesis file describes a state that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// A kind of record this chain does not take.
    #[error("genesis record {0} is not supported; remove it from genesis.json")]
    UnsupportedRecord(String),
    /// A record of an account that has no account record.
    #[error("genesis has records of {0} but no Account record; add one")]
    NoAccount(AccountId),
    /// A record that does not encode.
    #[error("genesis record cannot be encoded")]
    Encoding(#[from] std::io::Error),
}

/// The chain before its first block.
///
/// # Errors
/// See [`GenesisError`].
pub fn start(runtime: &Runtime, genesis: &Genesis) -> Result<Recovered, GenesisError> {
    let mut state = VersionedState::default();
    load_records(runtime, genesis, &mut state)?;
    Ok(Recovered::at_genesis(Arc::new(genesis_block(genesis)), state))
}

/// Fills `state` with the records of the genesis file at its height.
///
/// # Errors
/// See [`GenesisError`].
fn load_records(runtime: &Runtime, genesis: &Genesis, state: &mut VersionedState) -> Result<(), GenesisError> {
    let height = genesis.config.genesis_height;
    let fees = &runtime.config.fees.storage_usage_config;
    let mut accounts: BTreeMap<AccountId, Account> = BTreeMap::new();
    let mut usage: BTreeMap<AccountId, StorageUsage> = BTreeMap::new();
    let mut failure = None;
    genesis.for_each_record(|record| {
        let mut put = |key: TrieKey, value: Vec<u8>| state.put(height, key.to_vec(), Some(Value::from(value)));
        let mut add = |account_id: &AccountId, bytes: usize| {
            *usage.entry(account_id.clone()).or_default() += StorageUsage::try_from(bytes).unwrap_or(StorageUsage::MAX);
        };
        let extra = usize::try_from(fees.num_extra_bytes_record).unwrap_or(0);
        match record {
            StateRecord::Account { account_id, account } => {
                // A later record of the same account replaces the earlier one.
                accounts.insert(account_id.clone(), account.clone());
            }
            StateRecord::Data { account_id, data_key, value } => {
                add(account_id, data_key.len() + value.len() + extra);
                let key = TrieKey::ContractData { account_id: account_id.clone(), key: data_key.to_vec() };
                put(key, value.to_vec());
            }
            StateRecord::Contract { account_id, code } => {
                add(account_id, code.len());
                put(TrieKey::ContractCode { account_id: account_id.clone() }, code.clone());
            }
            StateRecord::AccessKey { account_id, public_key, access_key } => match borsh::to_vec(access_key) {
                Ok(bytes) => {
                    let key = borsh::object_length(public_key).unwrap_or(0);
                    add(account_id, key + bytes.len() + extra);
                    put(TrieKey::access_key(account_id.clone(), public_key.clone()), bytes);
                }
                Err(error) => failure = Some(GenesisError::Encoding(error)),
            },
            other => failure = Some(GenesisError::UnsupportedRecord(other.to_string())),
        }
    });
    if let Some(error) = failure {
        return Err(error);
    }
    if let Some(orphan) = usage.keys().find(|account_id| !accounts.contains_key(*account_id)) {
        return Err(GenesisError::NoAccount(orphan.clone()));
    }
    for (account_id, mut account) in accounts {
        let bytes = usage.get(&account_id).copied().unwrap_or(0);
        account.set_storage_usage(fees.num_bytes_account + bytes);
        let key = TrieKey::Account { account_id };
        state.put(height, key.to_vec(), Some(Value::from(borsh::to_vec(&account)?)));
    }
    Ok(())
}

/// The first block. It executes nothing.
fn genesis_block(genesis: &Genesis) -> Block {
    let config = &genesis.config;
    let seed = genesis.json_hash();
    let lite = BlockHeaderInnerLite {
        height: config.genesis_height,
        epoch_id: epoch_id(&seed, 0),
        next_epoch_id: epoch_id(&seed, 1),
        prev_state_root: CryptoHash::default(),
        prev_outcome_root: CryptoHash::default(),
        timestamp: u64::try_from(config.genesis_time.timestamp_nanos_opt().unwrap_or(0)).unwrap_or(0),
        next_bp_hash: compute_bp_hash_from_validator_stakes(&config.validators(), true),
        block_merkle_root: CryptoHash::default(),
    };
    let inner_rest_hash = seed;
    let prev_hash = CryptoHash::default();
    Block {
        hash: block_hash(&lite, &inner_rest_hash, &prev_hash),
        lite,
        inner_rest_hash,
        prev_hash,
        prev_height: None,
        ordinal: 1,
        last_final: CryptoHash::default(),
        last_ds_final: CryptoHash::default(),
        random_value: seed,
        gas_price: config.min_gas_price,
        next_gas_price: config.min_gas_price,
        gas_limit: config.gas_limit,
        epoch_height: 0,
        total_supply: config.total_supply,
        transactions: Vec::new(),
        incoming: Vec::new(),
        outcomes: Vec::new(),
        origins: Vec::new(),
        created: Vec::new(),
        changes: BTreeMap::new(),
        outcome_tree: MerkleTree::default(),
        state_root: seed,
        congestion: Default::default(),
        gas_used: Default::default(),
        tokens_burnt: Balance::ZERO,
        proposals: Vec::new(),
    }
}
