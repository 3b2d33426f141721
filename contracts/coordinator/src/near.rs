//! The shell: NEAR's host functions around the engine. It reads arguments, delegates, and turns results into values,
//! promises or panics; no rule lives here.
//!
//! No method takes `self`: the engine reads and writes the root record itself, and near-sdk's own state stays unused.

mod account;
mod batch;
mod poke;
mod stake;
mod token;
mod views;
mod withdraw;
mod work;

use near_sdk::{AccountId, NearToken, Promise, env, near};
use piecework_interface::{Sha256, config::Config};

use crate::engine::{Engine, Error, Host, Payout};

/// The coordinator.
#[near(contract_state, contract_metadata(
    standard(standard = "piecework", version = "1.0.0"),
    standard(standard = "nep145", version = "1.0.0"),
    standard(standard = "nep297", version = "1.0.0"),
))]
pub struct Coordinator {}

#[near]
impl Coordinator {
    /// Initialises the contract.
    pub fn new(owner_id: AccountId, config: Option<Config>) {
        settle(Engine::init(&mut Near, owner_id.into(), config.unwrap_or_default()));
    }
}

/// Runs one call of the engine.
fn call<T>(run: impl FnOnce(Engine<'_, Near>) -> Result<T, Error>) -> T {
    settle(Engine::start(&mut Near).and_then(run))
}

/// The only place where the contract panics.
fn settle<T>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => env::panic_str(&error.to_string()),
    }
}

/// An account id that NEAR gave us or that was checked when it was stored.
fn account_id(text: &str) -> AccountId {
    settle(text.parse().map_err(|_| Error::Internal("an account id cannot be read")))
}

/// Sends NEAR to whoever called; there is no answer to wait for.
fn pay(payout: Option<Payout>) {
    if let Some(Payout { account_id: receiver, amount }) = payout {
        Promise::new(account_id(&receiver)).transfer(NearToken::from_yoctonear(amount)).detach();
    }
}

/// NEAR's host functions.
#[derive(Debug)]
struct Near;

impl Host for Near {
    const SHA256: Sha256 = |bytes| env::sha256_array(bytes);

    fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        env::storage_read(key)
    }

    fn write(&mut self, key: &[u8], value: &[u8]) {
        env::storage_write(key, value);
    }

    fn remove(&mut self, key: &[u8]) {
        env::storage_remove(key);
    }

    fn now_ns(&self) -> u64 {
        env::block_timestamp()
    }

    fn height(&self) -> u64 {
        env::block_height()
    }

    fn predecessor(&self) -> String {
        env::predecessor_account_id().into()
    }

    fn current_account(&self) -> String {
        env::current_account_id().into()
    }

    fn deposit(&self) -> u128 {
        env::attached_deposit().as_yoctonear()
    }

    fn random_seed(&self) -> Vec<u8> {
        env::random_seed()
    }

    fn gas_left(&self) -> u64 {
        env::prepaid_gas().as_gas().saturating_sub(env::used_gas().as_gas())
    }

    fn log(&mut self, line: &str) {
        env::log_str(line);
    }
}
