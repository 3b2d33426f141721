//! What execution depends on besides the state: the protocol's parameters and the block.

use std::sync::Arc;

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
pub struct Validators(pub Vec<(AccountId, Balance)>);

impl Validators {
    /// The stake of one validator.
    pub fn stake(&self, account_id: &AccountId) -> Option<Balance> {
        self.0.iter().find(|(id, _)| id == account_id).map(|(_, stake)| *stake)
    }

    /// All stake together.
    pub fn total_stake(&self) -> Balance {
        self.0.iter().fold(Balance::ZERO, |sum, (_, stake)| sum.saturating_add(*stake))
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
