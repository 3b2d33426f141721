//! The views as methods.

use std::future::Future;

use piecework_interface::{
    call::{PAGE_MAX, ResultClaim},
    config::Config,
    governance::Settings,
    ids::{AccountNo, BatchId, LotId},
    key::IntentKey,
    revenue::Revenue,
    view::{Account, Batch, Lot, Root, Token},
};
use serde::de::DeserializeOwned;

use crate::{
    View,
    views::{self, StorageBalance},
};

/// Whatever answers views of one contract: a node at a block, a sandbox, a mirror.
pub trait ViewContract {
    /// Why there is no answer.
    type Error;

    /// Asks, and reads the answer.
    fn view<R: DeserializeOwned + Send>(&self, view: View<R>) -> impl Future<Output = Result<R, Self::Error>> + Send;
}

/// The coordinator, read through `C`.
#[derive(Clone, Debug)]
pub struct Coordinator<C>(pub C);

macro_rules! reads {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $answer:ty = $view:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// The contract cannot be asked, or answers otherwise.
        pub async fn $name(&self, $($arg: $type),*) -> Result<$answer, C::Error> {
            self.0.view(views::$view($($arg),*)).await
        }
    )*};
}

impl<C: ViewContract> Coordinator<C> {
    reads! {
        /// The root record.
        root() -> Root = root;
        /// The configuration.
        config() -> Config = config;
        /// Who governs, the configuration, and what is about to change.
        settings() -> Settings = settings;
        /// The running epoch, and what the one before pays.
        revenue() -> Revenue = revenue;
        /// The listed tokens, NEAR first.
        tokens() -> Vec<Token> = tokens;
        /// An account's number; `None` if it is not registered.
        account_no(account_id: impl AsRef<str>) -> Option<AccountNo> = account_no;
        /// An account's record; `None` if it is not registered.
        account(account_id: impl AsRef<str>) -> Option<Account> = account;
        /// The keys that may sign intents of an account.
        intent_keys(account_id: impl AsRef<str>) -> Vec<IntentKey> = intent_keys;
        /// A batch; `None` if there is none of this number.
        batch(batch: BatchId) -> Option<Batch> = batch;
        /// A lot's record; `None` if it has none.
        lot(batch: BatchId, lot: LotId) -> Option<Lot> = lot;
        /// The lots with a record among `from..from + limit`, `limit` at most [`PAGE_MAX`].
        lots(batch: BatchId, from: LotId, limit: u32) -> Vec<Lot> = lots;
        /// Whether the contract takes a claim for a lot's result.
        verify_result(claim: &ResultClaim) -> bool = verify_result;
        /// NEP-145: an account's storage balance; `None` if it is not registered.
        storage_balance(account_id: impl AsRef<str>) -> Option<StorageBalance> = storage_balance_of;
    }

    /// All accounts below number `end`, by number.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn accounts(&self, end: u32) -> Result<Vec<Account>, C::Error> {
        let mut accounts = Vec::new();
        for from in pages(end) {
            accounts.extend(self.0.view(views::accounts(from)).await?);
        }
        Ok(accounts)
    }

    /// The batches of numbers `from..end` that are not forgotten, by number.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn batches(&self, from: u32, end: u32) -> Result<Vec<Batch>, C::Error> {
        let mut batches = Vec::new();
        for page in pages(end.saturating_sub(from)) {
            batches.extend(self.0.view(views::batches(from.saturating_add(page))).await?);
        }
        Ok(batches)
    }
}

/// First rows of the pages of `0..end`.
pub fn pages(end: u32) -> impl Iterator<Item = u32> {
    (0..end.div_ceil(PAGE_MAX)).map(|page| page * PAGE_MAX)
}
