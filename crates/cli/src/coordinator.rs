//! The coordinator's views, typed.

use piecework_chain::{AccountId, At, BlockHeight, BlockRef, RpcClient, ViewError};
use piecework_interface::{
    call::{PAGE_MAX, ResultClaim},
    config::Config,
    governance::Settings,
    ids::{AccountNo, BatchId, LotId},
    key::IntentKey,
    revenue::Revenue,
    view::{Account, Batch, Lot, Root, Token},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

/// The coordinator contract, read at one block or at the newest final one.
#[derive(Clone)]
pub struct Coordinator {
    rpc: RpcClient,
    contract: AccountId,
    block: BlockRef,
}

/// NEP-145's answer to `storage_balance_of`.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub struct StorageBalance {
    /// Deposited, yoctoNEAR.
    pub total: piecework_interface::amount::Amount,
    /// Not backing any bytes, yoctoNEAR.
    pub available: piecework_interface::amount::Amount,
}

/// NEP-145's answer to `storage_balance_bounds`.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub struct StorageBounds {
    /// Least deposit that registers, yoctoNEAR.
    pub min: piecework_interface::amount::Amount,
}

impl Coordinator {
    /// The contract at the newest final block.
    #[must_use]
    pub fn new(rpc: &RpcClient, contract: AccountId) -> Self {
        // A certain block is always one that an endpoint gave.
        Self { rpc: rpc.with_lag(), contract, block: BlockRef::Final }
    }

    /// The contract as it was at a block.
    #[must_use]
    pub fn at(&self, block: BlockRef) -> Self {
        Self { block, ..self.clone() }
    }

    /// The contract as endpoints tell it that are not behind a block.
    #[must_use]
    pub fn since(&self, height: BlockHeight) -> Self {
        Self { rpc: self.rpc.with_min_height(height), ..self.clone() }
    }

    /// Its account.
    #[must_use]
    pub const fn account_id(&self) -> &AccountId {
        &self.contract
    }

    /// The root record, with the block it was read at.
    ///
    /// # Errors
    /// If the contract cannot be asked; so for all views here.
    pub async fn root(&self) -> Result<At<Root>, ViewError> {
        self.view_at("root", &json!({})).await
    }

    /// The configuration.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn config(&self) -> Result<Config, ViewError> {
        self.view("config", json!({})).await
    }

    /// Who governs, the configuration, and what is about to change.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn settings(&self) -> Result<Settings, ViewError> {
        self.view("settings", json!({})).await
    }

    /// The running epoch, and what the one before pays.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn revenue(&self) -> Result<Revenue, ViewError> {
        self.view("revenue", json!({})).await
    }

    /// The keys that may sign intents of an account.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn intent_keys(&self, account_id: &AccountId) -> Result<Vec<IntentKey>, ViewError> {
        self.view("intent_keys", json!({ "account_id": account_id })).await
    }

    /// Whether the contract takes a claim for a lot's result.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn verify_result(&self, claim: &ResultClaim) -> Result<bool, ViewError> {
        Ok(self.view_at("verify_result", claim).await?.value)
    }

    /// The listed tokens, NEAR first.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn tokens(&self) -> Result<Vec<Token>, ViewError> {
        self.view("tokens", json!({})).await
    }

    /// An account's number; `None` if it is not registered.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn account_no(&self, account_id: &AccountId) -> Result<Option<AccountNo>, ViewError> {
        self.view("account_no", json!({ "account_id": account_id })).await
    }

    /// An account's record; `None` if it is not registered.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn account(&self, account_id: &AccountId) -> Result<Option<Account>, ViewError> {
        self.view("account", json!({ "account_id": account_id })).await
    }

    /// Its NEP-145 storage balance; `None` if it is not registered.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn storage_balance(&self, account_id: &AccountId) -> Result<Option<StorageBalance>, ViewError> {
        self.view("storage_balance_of", json!({ "account_id": account_id })).await
    }

    /// NEP-145 bounds of a storage deposit.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn storage_bounds(&self) -> Result<StorageBounds, ViewError> {
        self.view("storage_balance_bounds", json!({})).await
    }

    /// All accounts, by number.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn accounts(&self) -> Result<Vec<Account>, ViewError> {
        let end = self.root().await?.value.next_account;
        let mut accounts = Vec::new();
        for from in (0..end).step_by(PAGE_MAX as usize) {
            accounts.extend(self.view::<Vec<Account>>("accounts", json!({ "from": from, "limit": PAGE_MAX })).await?);
        }
        Ok(accounts)
    }

    /// All batches that are not forgotten, by number.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn batches(&self) -> Result<Vec<Batch>, ViewError> {
        let end = self.root().await?.value.next_batch;
        let mut batches = Vec::new();
        for from in (0..end).step_by(PAGE_MAX as usize) {
            batches.extend(self.view::<Vec<Batch>>("batches", json!({ "from": from, "limit": PAGE_MAX })).await?);
        }
        Ok(batches)
    }

    /// A batch; `None` if there is none of this number.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn batch(&self, batch: BatchId) -> Result<Option<Batch>, ViewError> {
        self.view("batch", json!({ "batch": batch })).await
    }

    /// The lots with a record among `from..from + limit` (at most [`PAGE_MAX`]).
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn lots(&self, batch: BatchId, from: LotId, limit: u32) -> Result<Vec<Lot>, ViewError> {
        self.view("lots", json!({ "batch": batch, "from": from, "limit": limit })).await
    }

    async fn view<R: DeserializeOwned>(&self, method: &str, args: serde_json::Value) -> Result<R, ViewError> {
        Ok(self.view_at(method, &args).await?.value)
    }

    async fn view_at<R: DeserializeOwned>(&self, method: &str, args: &impl Serialize) -> Result<At<R>, ViewError> {
        self.rpc.view_function(&self.contract, method, args, self.block).await
    }
}
