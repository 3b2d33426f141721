//! The shell: NEAR's host functions around the engine. It reads arguments, delegates, and turns results into values,
//! promises or panics; no rule lives here.
//!
//! Methods are exported without near-sdk's `#[near]`: its wrappers bring one JSON reader and writer per method, which
//! alone would break the size limit. Arguments are one struct of optional fields instead, [`json::Args`].

#![expect(unsafe_code, reason = "`no_mangle` is how a wasm module names its methods")]

mod account;
mod args;
mod batch;
mod case;
mod class;
mod govern;
mod intent;
mod poke;
mod stake;
mod token;
mod treasury;
mod views;
mod withdraw;
mod work;

use lol_alloc::{AssumeSingleThreaded, LeakingAllocator};
use near_sdk::{AccountId, NearToken, env};
use piecework_compact::json::{Write, to_string};
use piecework_interface::{Sha256, ids::AccountNo};

use crate::engine::{Engine, Error, Host, Payout};

/// Frees nothing: a call ends before its memory does, and what it would cost to find free places again is a tenth of its
/// instructions.
// Wasm contracts have one thread.
#[global_allocator]
static ALLOCATOR: AssumeSingleThreaded<LeakingAllocator> =
    unsafe { AssumeSingleThreaded::new(LeakingAllocator::new()) };

use piecework_compact::methods;

methods! {
    /// Initialises the contract.
    new(owner_id, config(optional)) => settle(Engine::init(&mut Near, owner_id, config.unwrap_or_default()));
}

/// Runs one call of the engine.
fn call<T>(run: impl FnOnce(Engine<'_, Near>) -> Result<T, Error>) -> T {
    call_as(None, run)
}

/// Runs one call of an account that may name its number.
fn call_as<T>(account: Option<AccountNo>, run: impl FnOnce(Engine<'_, Near>) -> Result<T, Error>) -> T {
    settle(Engine::start(&mut Near).and_then(|engine| run(engine.naming(account))))
}

/// The only place where the contract panics.
fn settle<T>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => env::panic_str(&error.to_string()),
    }
}

/// Answers with a JSON value.
fn reply(value: &(impl Write + ?Sized)) {
    env::value_return(to_string(value));
}

/// An account id that NEAR gave us or that was checked when it was stored.
fn account_id(text: &str) -> AccountId {
    settle(text.parse().map_err(|_| Error::Internal("an account id cannot be read")))
}

/// Sends NEAR to whoever called; there is no answer to wait for.
fn pay(payout: Option<Payout>) {
    if let Some(Payout { account_id: receiver, amount }) = payout {
        let promise = env::promise_batch_create(&account_id(&receiver));
        env::promise_batch_action_transfer(promise, NearToken::from_yoctonear(amount));
    }
}

/// NEAR's host functions.
#[derive(Debug)]
struct Near;

impl Host for Near {
    const SHA256: Sha256 = |bytes| env::sha256_array(bytes);

    fn ed25519_verify(&self, signature: &[u8; 64], message: &[u8], public_key: &[u8; 32]) -> bool {
        env::ed25519_verify(signature, message, public_key)
    }

    fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        env::storage_read(key)
    }

    fn write(&mut self, key: &[u8], value: &[u8]) {
        env::storage_write(key, value);
    }

    fn remove(&mut self, key: &[u8]) {
        env::storage_remove(key);
    }

    fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        if env::storage_remove(key) { env::storage_get_evicted() } else { None }
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
