//! The genesis of a new chain: one validator, who is the root account, and the treasury account `near`.

use near_chain_configs::{
    BLOCK_PRODUCER_KICKOUT_THRESHOLD, CHUNK_PRODUCER_KICKOUT_THRESHOLD, FAST_EPOCH_LENGTH, FISHERMEN_THRESHOLD,
    GAS_PRICE_ADJUSTMENT_RATE, Genesis, GenesisConfig, GenesisContents, GenesisRecords, INITIAL_GAS_LIMIT,
    MAX_INFLATION_RATE, MIN_GAS_PRICE, NUM_BLOCK_PRODUCER_SEATS, NUM_BLOCKS_PER_YEAR, PROTOCOL_REWARD_RATE,
    PROTOCOL_TREASURY_ACCOUNT, PROTOCOL_UPGRADE_STAKE_THRESHOLD, TRANSACTION_VALIDITY_PERIOD, get_initial_supply,
};
use near_crypto::{KeyFile, KeyType, PublicKey, SecretKey};
use near_primitives::{
    account::{AccessKey, Account, AccountContract},
    shard_layout::ShardLayout,
    state_record::StateRecord,
    types::{AccountId, AccountInfo, Balance},
    version::PROTOCOL_VERSION,
};

/// What the root account has besides its stake.
const ROOT_BALANCE: Balance = Balance::from_near(1_000_000_000);
/// The validator's stake.
const VALIDATOR_STAKE: Balance = Balance::from_near(50_000_000);
/// Bytes of an account with one full-access key.
const ACCOUNT_WITH_KEY_BYTES: u64 = 182;

/// The genesis of a new chain, as neard's `init --fast` writes it.
pub fn new_genesis(chain_id: String, root_id: &AccountId, root_key: &PublicKey) -> Genesis {
    let mut records = account(root_id, root_key, ROOT_BALANCE, VALIDATOR_STAKE);
    if let Ok(treasury) = PROTOCOL_TREASURY_ACCOUNT.parse::<AccountId>()
        && treasury != *root_id
    {
        let key = SecretKey::from_seed(KeyType::ED25519, PROTOCOL_TREASURY_ACCOUNT).public_key();
        records.extend(account(&treasury, &key, ROOT_BALANCE, Balance::ZERO));
    }
    let config = GenesisConfig {
        protocol_version: PROTOCOL_VERSION,
        chain_id,
        num_block_producer_seats: NUM_BLOCK_PRODUCER_SEATS,
        dynamic_resharding: false,
        protocol_upgrade_stake_threshold: PROTOCOL_UPGRADE_STAKE_THRESHOLD,
        epoch_length: FAST_EPOCH_LENGTH,
        gas_limit: INITIAL_GAS_LIMIT,
        min_gas_price: MIN_GAS_PRICE,
        gas_price_adjustment_rate: GAS_PRICE_ADJUSTMENT_RATE,
        block_producer_kickout_threshold: BLOCK_PRODUCER_KICKOUT_THRESHOLD,
        chunk_producer_kickout_threshold: CHUNK_PRODUCER_KICKOUT_THRESHOLD,
        validators: vec![AccountInfo {
            account_id: root_id.clone(),
            public_key: root_key.clone(),
            amount: VALIDATOR_STAKE,
        }],
        transaction_validity_period: TRANSACTION_VALIDITY_PERIOD,
        protocol_reward_rate: PROTOCOL_REWARD_RATE,
        max_inflation_rate: MAX_INFLATION_RATE,
        total_supply: get_initial_supply(&records),
        num_blocks_per_year: NUM_BLOCKS_PER_YEAR,
        fishermen_threshold: FISHERMEN_THRESHOLD,
        shard_layout: ShardLayout::single_shard(),
        ..Default::default()
    };
    let mut genesis = Genesis::new_from_state_roots(config, Vec::new());
    genesis.contents = GenesisContents::Records { records: GenesisRecords(records) };
    genesis
}

/// Puts accounts into a genesis, each with this balance, which comes to the supply.
pub(super) fn add_accounts(genesis: &mut Genesis, accounts: &[KeyFile], balance: Balance) {
    let GenesisContents::Records { records } = &mut genesis.contents else { return };
    let account = |key: &KeyFile| account(&key.account_id, &key.public_key, balance, Balance::ZERO);
    records.0.extend(accounts.iter().flat_map(account));
    genesis.config.total_supply = get_initial_supply(&records.0);
}

/// The records of an account with one full-access key.
fn account(account_id: &AccountId, key: &PublicKey, amount: Balance, locked: Balance) -> Vec<StateRecord> {
    let record = Account::new(amount, locked, AccountContract::None, ACCOUNT_WITH_KEY_BYTES);
    vec![
        StateRecord::Account { account_id: account_id.clone(), account: record },
        StateRecord::access_key(account_id.clone(), key, AccessKey::full_access()),
    ]
}
