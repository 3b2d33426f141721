//! Accounts: balances and how they came about.

use piecework_interface::{
    amount::Amount,
    history::MovementKind,
    ids::{AccountNo, BatchId, LotId, TokenId},
    key::IntentKey,
    view::Balance,
};
use serde::{Deserialize, Serialize};

/// A registered account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Account {
    /// Number.
    pub account: AccountNo,
    /// Account id.
    #[cfg_attr(feature = "schema", schema(example = "requester.test.near"))]
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
    /// Account that its machines' keys may send its balances to, and no other; null without one.
    #[cfg_attr(feature = "schema", schema(example = "cold.test.near"))]
    pub payout: Option<String>,
    /// Whether it ever registered a node.
    pub is_node: bool,
    /// Last journal line that changed it.
    pub updated_seq: u64,
}

/// A movement of an internal balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LedgerEntry {
    /// Journal line.
    pub seq: u64,
    /// Order in the line.
    pub leg: u32,
    /// Unix time of the block, seconds.
    pub block_at: u32,
    /// Token.
    pub token: TokenId,
    /// `deposit`, `withdraw`, `restore` (a failed transfer came back), `escrow`, `pay`, `refund`, `treasury` (fees
    /// that reach it), `referral` (a part of fees), `bond` (of a challenge or an adjudicator), `juror_fee`, `pot` (a slot's part of lost deposits), `award`
    /// (NEAR out of slashes, to a challenger who was right) or `transfer`.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "pay"))]
    pub kind: MovementKind,
    /// Whether the balance grew.
    pub credit: bool,
    /// Amount moved.
    pub amount: Amount,
    /// Balance afterwards.
    pub balance_after: Amount,
    /// Batch that it concerns.
    pub batch: Option<BatchId>,
    /// Lot that it concerns.
    pub lot: Option<LotId>,
    /// The other account of a `transfer`; absent for all others.
    #[cfg_attr(feature = "schema", schema(example = "partner.test.near"))]
    pub counterparty_id: Option<String>,
    /// Memo of a `transfer`, if its sender gave one.
    pub memo: Option<String>,
}
