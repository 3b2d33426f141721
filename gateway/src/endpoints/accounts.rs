//! Accounts: balances and how they came about.

pub mod get;
pub mod ledger;
pub mod list;

use piecework_interface::key;
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
    /// Keys that may sign intents for it. An implicit account's own key is one too, without a row until its first use.
    pub keys: Vec<IntentKey>,
    /// Whether it ever registered a node.
    pub is_node: bool,
    /// Last journal line that changed it.
    pub updated_seq: u64,
}

/// A key that may sign intents for an account, or a removed one that has to be remembered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IntentKey {
    /// The key.
    #[schema(example = "ed25519:8hSHprDq2StXwMtNd43wDTXQYsjXcD4MJTXQYsjXcc4M")]
    pub public_key: String,
    /// Kinds that it may sign; none once it is removed.
    #[schema(value_type = Vec<String>, example = json!(["transfer", "tip"]))]
    pub kinds: key::Kinds,
    /// Token and cap; an implicit account's own key may have none.
    pub limit: Option<KeyLimit>,
    /// The last number used; the next intent's must be above it.
    pub nonce: u64,
    /// Unix time of the last use, seconds; 0 before the first.
    pub used_at: u32,
}

/// What a key may move.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyLimit {
    /// In this token only.
    pub token: u16,
    /// So much per UTC day, in units of the token.
    pub daily_cap: Amount,
    /// Moved on the day of the last use.
    pub spent: Amount,
}

impl From<key::IntentKey> for IntentKey {
    fn from(key: key::IntentKey) -> Self {
        let limit = key.limit.map(|limit| KeyLimit {
            token: limit.token.0,
            daily_cap: limit.daily_cap.into(),
            spent: limit.spent.into(),
        });
        Self { public_key: key.public_key.to_string(), kinds: key.kinds, limit, nonce: key.nonce, used_at: key.used_at }
    }
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
            keys: account.keys.into_iter().map(IntentKey::from).collect(),
            is_node: account.is_node,
            updated_seq: account.updated_seq,
        }
    }
}
