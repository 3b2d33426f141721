//! What execution depends on besides the state: the protocol's parameters and the block.

use std::sync::Arc;

use near_chain_configs::GenesisConfig;
use near_parameters::{RuntimeConfig, RuntimeConfigStore};
use near_primitives::{
    hash::CryptoHash,
    types::{AccountId, Balance, BlockHeight, EpochHeight, Gas},
    version::PROTOCOL_VERSION,
};
use near_vm_runner::ContractRuntimeCache;

/// The rules and the compiled contracts. Shared by the block producer and by view calls.
pub struct Runtime {
    /// Fees and limits of the protocol version.
    pub config: Arc<RuntimeConfig>,
    /// Compiled contracts.
    pub cache: Box<dyn ContractRuntimeCache>,
    /// The chain's name, which contracts can read.
    pub chain_id: String,
    /// Who validates; only stake queries of contracts look at it.
    pub validators: Validators,
}

impl Runtime {
    /// The rules of the newest stable protocol version.
    pub fn new(chain_id: String, validators: Validators, cache: Box<dyn ContractRuntimeCache>) -> Self {
        let store = RuntimeConfigStore::for_chain_id(&chain_id);
        let config = Arc::clone(store.get_config(PROTOCOL_VERSION));
        Self { config, cache, chain_id, validators }
    }
}

/// Validators and their stakes, fixed at genesis.
#[derive(Clone, Default)]
pub struct Validators {
    stakes: Vec<(AccountId, Balance)>,
    /// The least that may be staked.
    pub minimum_stake: Balance,
}

impl Validators {
    /// The validators of a genesis. The least stake is a tenth (by default) of the price of a seat, which is, as
    /// long as seats are free, a fixed part of all stake (nearcore `validator_selection.rs`, `epoch_info.rs`).
    pub fn of_genesis(config: &GenesisConfig) -> Self {
        let stakes: Vec<_> = config.validators.iter().map(|info| (info.account_id.clone(), info.amount)).collect();
        let (numer, denom) = (*config.minimum_stake_ratio.numer(), *config.minimum_stake_ratio.denom());
        let rest = u128::try_from(i64::from(denom) - i64::from(numer)).unwrap_or(0);
        let mut validators = Self { stakes, minimum_stake: Balance::ZERO };
        let seat_price = validators
            .total_stake()
            .checked_mul(u128::try_from(numer).unwrap_or(0))
            .and_then(|share| share.checked_div(rest));
        let divisor = u128::from(config.minimum_stake_divisor);
        validators.minimum_stake = seat_price.and_then(|price| price.checked_div(divisor)).unwrap_or_default();
        validators
    }

    /// The stake of one validator.
    pub fn stake(&self, account_id: &AccountId) -> Option<Balance> {
        self.stakes.iter().find(|(id, _)| id == account_id).map(|(_, stake)| *stake)
    }

    /// All stake together.
    pub fn total_stake(&self) -> Balance {
        self.stakes.iter().fold(Balance::ZERO, |sum, (_, stake)| sum.saturating_add(*stake))
    }
}

/// The block that is being applied.
#[derive(Clone, Debug)]
pub struct BlockContext {
    /// Its height.
    pub height: BlockHeight,
    /// Nanoseconds since the epoch.
    pub timestamp: u64,
    /// Epochs since genesis.
    pub epoch_height: EpochHeight,
    /// Price of a unit of gas.
    pub gas_price: Balance,
    /// Compute a chunk may use before receipts are delayed.
    pub gas_limit: Gas,
    /// The block's random value, from which every action's seed is derived.
    pub random_value: CryptoHash,
}
