//! Views of the coordinator.

use std::marker::PhantomData;

use piecework_interface::{
    amount::Amount,
    call::{PAGE_MAX, ResultClaim},
    config::Config,
    governance::Settings,
    ids::{AccountNo, BatchId, LotId},
    key::IntentKey,
    revenue::Revenue,
    view::{Account, Batch, Lot, Root, Token},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

/// A question to the contract, with the type of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View<R> {
    /// Method.
    pub method: &'static str,
    /// JSON arguments.
    pub args: Vec<u8>,
    answer: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> View<R> {
    fn new(method: &'static str, args: &(impl Serialize + ?Sized)) -> Self {
        Self { method, args: crate::json(args), answer: PhantomData }
    }

    /// Reads what the contract answered.
    ///
    /// # Errors
    /// It is no answer to this question.
    pub fn read(&self, answer: &[u8]) -> Result<R, serde_json::Error> {
        serde_json::from_slice(answer)
    }
}

/// NEP-145's answer to `storage_balance_of`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StorageBalance {
    /// Deposited, yoctoNEAR.
    pub total: Amount,
    /// Not backing any bytes, yoctoNEAR.
    pub available: Amount,
}

/// NEP-145's answer to `storage_balance_bounds`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StorageBounds {
    /// Least deposit that registers, yoctoNEAR.
    pub min: Amount,
}

/// The root record.
#[must_use]
pub fn root() -> View<Root> {
    View::new("root", &json!({}))
}

/// The configuration.
#[must_use]
pub fn config() -> View<Config> {
    View::new("config", &json!({}))
}

/// Who governs, the configuration, and what is about to change.
#[must_use]
pub fn settings() -> View<Settings> {
    View::new("settings", &json!({}))
}

/// The running epoch, and what the one before pays.
#[must_use]
pub fn revenue() -> View<Revenue> {
    View::new("revenue", &json!({}))
}

/// The listed tokens, NEAR first.
#[must_use]
pub fn tokens() -> View<Vec<Token>> {
    View::new("tokens", &json!({}))
}

/// An account's number; `None` if it is not registered.
#[must_use]
pub fn account_no(account_id: impl AsRef<str>) -> View<Option<AccountNo>> {
    View::new("account_no", &json!({ "account_id": account_id.as_ref() }))
}

/// An account's record; `None` if it is not registered.
#[must_use]
pub fn account(account_id: impl AsRef<str>) -> View<Option<Account>> {
    View::new("account", &json!({ "account_id": account_id.as_ref() }))
}

/// Accounts from a number on, [`PAGE_MAX`] at most.
#[must_use]
pub fn accounts(from: u32) -> View<Vec<Account>> {
    View::new("accounts", &page(from))
}

/// Batches from a number on that are not forgotten, [`PAGE_MAX`] at most.
#[must_use]
pub fn batches(from: u32) -> View<Vec<Batch>> {
    View::new("batches", &page(from))
}

/// A batch; `None` if there is none of this number.
#[must_use]
pub fn batch(batch: BatchId) -> View<Option<Batch>> {
    View::new("batch", &json!({ "batch": batch }))
}

/// A lot's record; `None` if it has none.
#[must_use]
pub fn lot(batch: BatchId, lot: LotId) -> View<Option<Lot>> {
    View::new("lot", &json!({ "batch": batch, "lot": lot }))
}

/// The lots with a record among `from..from + limit`, `limit` at most [`PAGE_MAX`].
#[must_use]
pub fn lots(batch: BatchId, from: LotId, limit: u32) -> View<Vec<Lot>> {
    View::new("lots", &json!({ "batch": batch, "from": from, "limit": limit }))
}

/// Whether the contract takes a claim for a lot's result.
#[must_use]
pub fn verify_result(claim: &ResultClaim) -> View<bool> {
    View::new("verify_result", claim)
}

/// The keys that may sign intents of an account.
#[must_use]
pub fn intent_keys(account_id: impl AsRef<str>) -> View<Vec<IntentKey>> {
    View::new("intent_keys", &json!({ "account_id": account_id.as_ref() }))
}

/// NEP-145: an account's storage balance; `None` if it is not registered.
#[must_use]
pub fn storage_balance_of(account_id: impl AsRef<str>) -> View<Option<StorageBalance>> {
    View::new("storage_balance_of", &json!({ "account_id": account_id.as_ref() }))
}

/// NEP-145: bounds of a storage deposit.
#[must_use]
pub fn storage_balance_bounds() -> View<StorageBounds> {
    View::new("storage_balance_bounds", &json!({}))
}

fn page(from: u32) -> serde_json::Value {
    json!({ "from": from, "limit": PAGE_MAX })
}
