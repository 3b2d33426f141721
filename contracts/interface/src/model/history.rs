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
    /// A share of an epoch's fees, to a node or the treasury.
    Revenue,
    /// NEAR put up by a challenger or an adjudicator, or what came back of it.
    Bond,
    /// NEAR for a juror.
    JurorFee,
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
