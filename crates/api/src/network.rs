//! The market as a whole.

use piecework_interface::{
    amount::Amount,
    ids::{Digest, TokenId},
};
use serde::{Deserialize, Serialize};

/// The market in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Network {
    /// Account id of the coordinator contract.
    pub contract_id: String,
    /// Chain.
    pub chain_id: String,
    /// Last block the mirror applied.
    pub height: u64,
    /// Its time, Unix seconds.
    pub block_at: u64,
    /// Journal lines up to there.
    pub next_seq: u64,
    /// `sha256(head ‖ line)` over all of them, hex.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub journal_head: Digest,
    /// Nodes by status.
    pub nodes: NodeTotals,
    /// Batches by status.
    pub batches: BatchTotals,
    /// Lots by state; open ones are not counted, they have no row.
    pub lots: LotTotals,
    /// Items settled so far.
    pub items: ItemTotals,
    /// Open accounts.
    pub accounts: u64,
    /// Slashed NEAR and what classes cost, which no account owns, yoctoNEAR.
    pub burnt: Amount,
    /// Sums per token, the first 64.
    pub tokens: Vec<TokenTotals>,
}

/// Nodes by status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NodeTotals {
    /// Taking part.
    pub active: u64,
    /// Paused by their owners.
    pub paused: u64,
    /// Silent for too long.
    pub silent: u64,
    /// Sum of the tickets of active nodes.
    pub active_tickets: u32,
    /// Stake of all, the bonded part included, yoctoNEAR.
    pub stake: Amount,
    /// Part of it that backs slots, yoctoNEAR.
    pub bonded: Amount,
}

/// Batches by status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BatchTotals {
    /// Taking claims.
    pub open: u64,
    /// Cancelled and running to their end.
    pub cancelled: u64,
    /// Closed.
    pub closed: u64,
}

/// Lots by state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LotTotals {
    /// Seats are claimed and committed.
    pub working: u64,
    /// Answers are shown.
    pub revealing: u64,
    /// The adjudicator's time runs.
    pub judging: u64,
    /// Tallied.
    pub provisional: u64,
    /// Settled with answers.
    pub settled: u64,
    /// Closed without a result; lots of cancelled batches that no node claimed have no row and are not counted.
    pub withdrawn: u64,
}

/// Items settled, and how fast, in seconds of chain time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ItemTotals {
    /// Items of lots settled with answers.
    pub settled: u64,
    /// Items among them with an accepted answer.
    pub accepted: u64,
    /// Items settled in the last minute of chain time.
    pub last_minute: u64,
    /// Items settled in the last five minutes of chain time.
    pub last_five_minutes: u64,
    /// Items per second over the last minute of chain time.
    pub per_second: f64,
}

/// Sums of one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TokenTotals {
    /// Token.
    pub token: TokenId,
    /// Its account id; empty for NEAR.
    pub account_id: String,
    /// Internal balances.
    pub balances: Amount,
    /// Escrows of batches, with challenges' deposits and adjudicators' bonds.
    pub escrow: Amount,
    /// Fees and withheld pay that wait for the treasury.
    pub pool: Amount,
    /// Withdrawals on their way.
    pub in_flight: Amount,
    /// Rewards paid so far.
    pub paid: Amount,
}
