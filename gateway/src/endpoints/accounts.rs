//! Accounts: balances and how they came about.

pub mod get;
pub mod ledger;
pub mod list;

use piecework_store::read::account;
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{Amount, Balance};

/// A registered account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Account {
    /// Number.
    pub account: u32,
    /// Account id.
    #[schema(example = "requester.test.near")]
    pub account_id: String,
    /// Storage deposit, yoctoNEAR.
    pub storage_paid: Amount,
    /// Bytes charged, reservations for live lots included.
    pub storage_used: u32,
    /// Withdrawals whose transfer has not answered yet.
    pub in_flight: u8,
    /// Balances that are not zero, by token.
    pub balances: Vec<Balance>,
    /// Whether it ever registered a node.
    pub is_node: bool,
    /// Last journal line that changed it.
    pub updated_seq: u64,
}

impl From<account::Account> for Account {
    fn from(account: account::Account) -> Self {
        Self {
            account: account.account.0,
            account_id: account.account_id,
            storage_paid: account.storage_paid.into(),
            storage_used: account.storage_used,
            in_flight: account.in_flight,
            balances: account.balances.into_iter().map(Balance::from).collect(),
            is_node: account.is_node,
            updated_seq: account.updated_seq,
        }
    }
}
