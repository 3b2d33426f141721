//! Views.

use near_sdk::near;
use piecework_interface::{
    amount::Amount,
    config::Config,
    ids::{AccountNo, BatchId, LotId},
    view::{Account, Batch, Lot, Root, Token},
};
use serde::Serialize;

use super::{Coordinator, CoordinatorExt, call};
use crate::engine::{StorageBalance, storage_minimum};

/// NEP-145 `StorageBalanceBounds`. There is no maximum: requesters reserve bytes for their live lots.
#[derive(Debug, Serialize)]
pub struct StorageBalanceBounds {
    min: Amount,
    max: Option<Amount>,
}

#[near]
impl Coordinator {
    /// The root record.
    pub fn root() -> Root {
        call(|engine| Ok(engine.view_root()))
    }

    /// The configuration.
    pub fn config() -> Config {
        call(|mut engine| engine.view_config())
    }

    /// Who lists tokens.
    pub fn owner() -> String {
        call(|mut engine| engine.view_owner())
    }

    /// Listed tokens, NEAR first.
    pub fn tokens() -> Vec<Token> {
        call(|mut engine| engine.view_tokens())
    }

    /// The number of an account.
    pub fn account_no(account_id: String) -> Option<AccountNo> {
        call(|engine| engine.view_account_no(&account_id))
    }

    /// An account.
    pub fn account(account_id: String) -> Option<Account> {
        call(|mut engine| engine.view_account(&account_id))
    }

    /// Accounts by number.
    pub fn accounts(from: u32, limit: u32) -> Vec<Account> {
        call(|mut engine| engine.view_accounts(from, limit))
    }

    /// A batch.
    pub fn batch(batch: BatchId) -> Option<Batch> {
        call(|mut engine| engine.view_batch(batch))
    }

    /// Batches by number.
    pub fn batches(from: u32, limit: u32) -> Vec<Batch> {
        call(|mut engine| engine.view_batches(from, limit))
    }

    /// A lot that has a record.
    pub fn lot(batch: BatchId, lot: LotId) -> Option<Lot> {
        call(|mut engine| engine.view_lot(batch, lot))
    }

    /// The lots with a record among `from..from + limit`.
    pub fn lots(batch: BatchId, from: u32, limit: u32) -> Vec<Lot> {
        call(|mut engine| engine.view_lots(batch, from, limit))
    }

    /// NEP-145: an account's deposit.
    pub fn storage_balance_of(account_id: String) -> Option<StorageBalance> {
        call(|mut engine| engine.view_storage_balance(&account_id))
    }

    /// NEP-145: the deposit that registers any account.
    pub fn storage_balance_bounds() -> StorageBalanceBounds {
        StorageBalanceBounds { min: Amount(storage_minimum()), max: None }
    }
}
