//! A lot.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::fields;
use piecework_interface::{terms::Terms, view::LotState};

use super::{FIRST, Prefix, Record, load, store};

/// A lot, and what its batch's terms say of its current round, so that most commits and reveals do not read the batch.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Lot {
    /// The lot.
    pub state: LotState,
    /// Seats of the round.
    pub seats: u8,
    /// Bytes of the answers of one slot of the round.
    pub answer_bytes: u32,
}
fields!(Lot as [borsh] { state, seats, answer_bytes });

impl Lot {
    /// A lot in its place.
    #[must_use]
    pub fn new(terms: &Terms, items: u8, state: LotState) -> Self {
        let seats = terms.seats(state.round);
        let answer_bytes = state.answer_bytes(terms, state.round, items);
        Self { state, seats, answer_bytes }
    }
}

impl Record for Lot {
    const PREFIX: Prefix = Prefix::Lot;

    fn store(&self) -> Vec<u8> {
        store(FIRST, self)
    }

    fn load(bytes: &[u8]) -> Option<Self> {
        load(FIRST, bytes)
    }
}
