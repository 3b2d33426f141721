//! Challenges that the agent signed: each is on disk before it is sent.

use std::fmt;

use piecework_interface::{
    amount::Amount,
    ids::{BatchId, LotId, TokenId},
    intent::SignedIntent,
    item_set,
};
use serde::{Deserialize, Serialize};

/// A challenge of items of a lot. There is one for a lot at most, and its intent's number lets it take effect once at most.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Items, bit i for item i of the lot.
    #[serde(with = "item_set")]
    pub items: u64,
    /// Token of the deposit.
    pub token: TokenId,
    /// The deposit, in units of the token.
    pub deposit: Amount,
    /// Chain time of the signature, Unix seconds.
    pub signed_at: u32,
    /// Chain time after which the contract does not take it, Unix seconds.
    pub deadline: u32,
    /// The document that shows the results to be wrong: the challenge names its SHA-256.
    pub evidence: String,
    /// What is sent, always the same bytes.
    pub intent: SignedIntent,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a challenge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is signed, and the contract has not taken it yet.
    #[default]
    Pending,
    /// The contract took it: its deposit waits for the lot's settlement.
    Standing,
    /// The contract did not take it, for this reason; the deposit never left the balance.
    Void(String),
    /// A challenge of more items took its place; the deposit is back.
    Replaced,
    /// The lot is settled.
    Ruled {
        /// Items among the challenged whose result the jury changed.
        #[serde(with = "item_set")]
        overturned: u64,
        /// What came back, in units of the token.
        tokens: Amount,
        /// What slashes paid, yoctoNEAR.
        near: Amount,
    },
    /// The lot settled before the agent saw that the jury had decided.
    Unseen,
}

/// Signature and evidence stay out of logs.
impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batch, lot, items, fate, .. } = self;
        f.debug_struct("Challenge")
            .field("batch", batch)
            .field("lot", lot)
            .field("items", &items.count_ones())
            .field("fate", fate)
            .finish_non_exhaustive()
    }
}

impl Challenge {
    /// Whether its deposit may still be lost.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.fate, Fate::Pending | Fate::Standing)
    }
}

/// The number of the next intent: the clock in milliseconds, and above the last number that was used.
#[must_use]
pub fn next_number(clock_ms: u64, last: u64) -> u64 {
    clock_ms.max(last.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_number__should_rise_whatever_the_clock_does() {
        assert_eq!(next_number(1_000, 0), 1_000);
        // Twice in a millisecond, and after the clock was set back.
        assert_eq!(next_number(1_000, 1_000), 1_001);
        assert_eq!(next_number(10, 1_001), 1_002);
    }
}
