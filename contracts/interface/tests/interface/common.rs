//! Builders shared by the tests.

pub use piecework_replay::testing::{fixed, terms};

use piecework_interface::{
    ids::AccountNo,
    view::{LotState, Slot, SlotPhase},
};

/// A slot that revealed, or that did not.
pub fn slot(node: u32, round: u8, answers: Option<&[u8]>) -> Slot {
    let phase = match answers {
        Some(bytes) => SlotPhase::Revealed(bytes.to_vec()),
        None => SlotPhase::Committed([9; 32]),
    };
    Slot { node: AccountNo(node), operator: AccountNo(node), round, phase }
}

/// A lot with these slots; an extension on `open_items` unless that is 0.
pub fn lot(open_items: u64, slots: Vec<Slot>) -> LotState {
    LotState { round: u8::from(open_items != 0), open_items, slots, ..LotState::default() }
}
