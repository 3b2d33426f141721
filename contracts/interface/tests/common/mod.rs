//! Builders shared by the tests.
#![allow(dead_code)]

use piecework_interface::{
    amount::Amount,
    config::Fixed,
    ids::{AccountNo, ClassId},
    terms::{Terms, Verification},
    view::{LotState, Slot, SlotPhase},
};

/// Terms that the default configuration allows at time 0.
pub fn terms() -> Terms {
    Terms {
        class: ClassId(7),
        reward: Amount(100),
        lot_size: 3,
        answer_width: 1,
        start: 3,
        max: 6,
        quorum_pct: 70,
        claim_ttl_s: 600,
        reveal_window_s: 300,
        challenge_window_s: 0,
        slice_s: 3,
        bond_pct: 100,
        dissent_slash_pct: 20,
        abandon_slash_pct: 20,
        min_reputation: 0,
        expires_at: 86_400,
        verification: Verification::Consensus,
        gold_slash_pct: 0,
    }
}

/// A bond of one yoctoNEAR per unit of reward, a fee of 5 %.
pub fn fixed() -> Fixed {
    Fixed {
        fee_bps: 500,
        bond_rate: Amount(1 << 32),
        rep_unit: Amount(10),
        reputation_interval_s: 3_600,
        grace_s: 60,
        ..Fixed::default()
    }
}

/// A slot that revealed, or that did not.
pub fn slot(node: u32, round: u8, answers: Option<&[u8]>) -> Slot {
    let phase = match answers {
        Some(bytes) => SlotPhase::Revealed(bytes.to_vec()),
        None => SlotPhase::Committed([9; 32]),
    };
    Slot { node: AccountNo(node), round, phase }
}

/// A lot with these slots; an extension on `open_items` unless that is 0.
pub fn lot(open_items: u64, slots: Vec<Slot>) -> LotState {
    LotState { round: u8::from(open_items != 0), open_items, slots, ..LotState::default() }
}
