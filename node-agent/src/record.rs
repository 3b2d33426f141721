//! What the agent must never forget: which seats it took, what it committed to there, and what it challenged.

mod challenge;

use std::fmt;

use piecework_interface::{
    commitment::{self, commitment},
    host::sha256,
    ids::{AccountNo, BatchId, LotId},
};
use serde::{Deserialize, Serialize};

pub use challenge::{Challenge, Fate, next_number};

/// A round of a lot. A node has at most one slot there, ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Round.
    pub round: u8,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch {} lot {} round {}", self.batch, self.lot, self.round)
    }
}

/// What every commitment of this agent binds besides place and answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Account of the coordinator contract.
    pub contract: String,
    /// The node.
    pub node: AccountNo,
}

/// A seat this agent took. Written before the claim is sent, completed before the commit is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The seat.
    pub place: Place,
    /// The finished work.
    pub done: Option<Done>,
}

/// Finished work, bound by a commitment. It is made once per seat and never replaced.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Judged items, bit i for item i of the lot.
    pub items: u64,
    /// Judged items × answer width bytes, in index order.
    #[serde(with = "hex::serde")]
    pub answers: Vec<u8>,
    /// Salt of the commitment: secret until the reveal.
    #[serde(with = "hex::serde")]
    pub salt: [u8; 32],
    /// The commitment.
    #[serde(with = "hex::serde")]
    pub commitment: [u8; 32],
}

/// Answers and salt stay out of logs.
impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Done").field("items", &self.items.count_ones()).finish_non_exhaustive()
    }
}

impl Done {
    /// Binds answers to a place under a fresh random salt.
    #[must_use]
    pub fn bind(binding: &Binding, place: Place, items: u64, answers: Vec<u8>, salt: [u8; 32]) -> Self {
        let commitment = committed(binding, place, &answers, &salt);
        Self { items, answers, salt, commitment }
    }

    /// Whether the commitment is the one of these answers at this place: also a checksum of the stored record.
    #[must_use]
    pub fn verify(&self, binding: &Binding, place: Place) -> bool {
        committed(binding, place, &self.answers, &self.salt) == self.commitment
    }
}

fn committed(binding: &Binding, place: Place, answers: &[u8], salt: &[u8; 32]) -> [u8; 32] {
    let place = commitment::Place {
        contract: &binding.contract,
        batch: place.batch,
        lot: place.lot,
        round: place.round,
        node: binding.node,
    };
    commitment(sha256, place, answers, salt)
}
