//! What the journal has and the contract does not keep: why balances moved and how slots ended.

use serde::{Deserialize, Serialize};

/// Why a balance moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// From outside, or from claimed stake.
    Deposit,
    /// Sent out.
    Withdraw,
    /// A transfer that failed came back.
    Restore,
    /// Locked in a batch.
    Escrow,
    /// Reward of a settled slot.
    Pay,
    /// Escrow returned.
    Refund,
    /// Fees and withheld pay, to the treasury.
    Treasury,
    /// A part of the fees, to the referrer of their batch.
    Referral,
    /// Put up by a challenger or an adjudicator, or what came back of it.
    Bond,
    /// For a juror: tokens, or NEAR out of silent jurors' bonds.
    JurorFee,
    /// A slot's part of what challengers lost.
    Pot,
    /// NEAR out of slashes, to a challenger whom a jury proved right.
    Award,
    /// From one account to another.
    Transfer,
}

/// How a slot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotEnd {
    /// Judged with its lot.
    Settled,
    /// Given back by the node.
    Released,
    /// The reservation ran out.
    Abandoned,
    /// The round ended without a result.
    Freed,
}
