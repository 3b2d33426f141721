//! The protocol's table of appeals, as the challenger with a slot of its own sees it: in R and f, R = 1200 and f worth R.

use piecework_interface::{
    amount::Amount,
    config::Fixed,
    ids::NEAR,
    terms::{Terms, Verification},
    view::{LotPhase, Progress},
};

use super::*;

const R: u128 = 1_200;
const SURE: Odds = Odds { confidence_pct: 100, near_pct: 100 };
const HOPELESS: Odds = Odds { confidence_pct: 0, near_pct: 100 };
const USUAL: Odds = Odds { confidence_pct: 84, near_pct: 100 };

/// A batch at the least worth of a bond that makes f as many yoctoNEAR as R has units.
fn batch(start: u8, quorum_pct: u8, items: u8) -> OpenBatch {
    let terms = Terms {
        reward: Amount(R),
        lot_size: items,
        answer_width: 1,
        start,
        quorum_pct,
        bond_pct: 200,
        dissent_slash_pct: 50,
        challenge_window_s: 600,
        verification: Verification::Consensus,
        ..Terms::default()
    };
    OpenBatch {
        requester: AccountNo(0),
        requester_operator: AccountNo(0),
        token: NEAR,
        terms,
        fixed: Fixed { bond_rate: Amount(1 << 32), ..Fixed::default() },
        items: items.into(),
        manifest: [0; 32],
        created_at: 0,
        appendable: false,
        forget_on_close: false,
        referrer: None,
        appended: [0; 32],
        progress: Progress::default(),
        escrow: Amount(0),
    }
}

/// A provisional lot: a word of answers for each slot, a letter for each item; `open` are the extension's items.
fn lot(first: &[&str], late: &[&str], open: u64) -> LotState {
    let slots = first.iter().map(|word| (0, word)).chain(late.iter().map(|word| (1, word)));
    let slots = (1..).zip(slots).map(|(node, (round, word))| Slot {
        node: AccountNo(node),
        operator: AccountNo(node),
        round,
        phase: SlotPhase::Revealed(word.as_bytes().to_vec()),
    });
    let round = u8::from(!late.is_empty());
    LotState {
        phase: LotPhase::Provisional,
        round,
        appeal: true,
        open_items: open,
        slots: slots.collect(),
        ..LotState::default()
    }
}

fn expected(open: &OpenBatch, state: &LotState, slot: usize, items: u64, odds: Odds) -> i128 {
    let items_of_lot = open.terms.lot_size;
    Dispute { open, items: items_of_lot, state, slot: &state.slots[slot] }.expected(items, odds)
}

#[test]
fn expected__should_be_the_protocols_table_and_what_the_own_slot_gains() {
    // Start, quorum, round 0, extension, the own slot, which says t; what the challenger gets when five jurors say t, the
    // worse of five and four, and what its own slot gains by it, in twelfths of R.
    type Row<'a> = (u8, u8, &'a [&'a str], &'a [&'a str], usize, i128, i128);
    let table: [Row<'_>; 8] = [
        (3, 60, &["x", "x", "t"], &[], 2, 12, 24),
        (5, 70, &["x", "x", "x", "x", "t"], &[], 4, 12, 24),
        (2, 51, &["t", "x"], &["t", "y", "y"], 0, 6, 24),
        (2, 51, &["t", "x"], &["t", "y", "y"], 2, 6, 18),
        (3, 70, &["t", "t", "x"], &["t", "t", "y"], 0, 0, 0),
        (3, 70, &["t", "x", "y"], &["t", "t", "z"], 0, 12, 0),
        (3, 70, &["t", "x", "y"], &["t", "t", "z"], 3, 12, 0),
        (3, 70, &["t", "t", "x"], &["x", "x", "x"], 0, 12, 24),
    ];
    for (start, quorum, first, late, slot, challenger, own) in table {
        let (open, state) = (batch(start, quorum, 1), lot(first, late, u64::from(!late.is_empty())));
        let net = (challenger + own) * 100;
        assert_eq!(expected(&open, &state, slot, 1, SURE), net, "{start} {first:?} {late:?} {slot}");
    }
}

#[test]
fn expected__should_lose_the_deposit_but_for_the_own_part_of_the_pot() {
    // Five jurors uphold: 5.5 R are gone, of which half an R goes to three or six slots.
    let (open, state) = (batch(3, 60, 1), lot(&["x", "x", "t"], &[], 0));
    assert_eq!(expected(&open, &state, 2, 1, HOPELESS), -6_600 + 200);
    let (open, state) = (batch(3, 70, 1), lot(&["t", "t", "x"], &["t", "t", "y"], 1));
    assert_eq!(expected(&open, &state, 0, 1, HOPELESS), -6_600 + 100);
}

#[test]
fn expected__should_weigh_both_ends_by_the_confidence() {
    let (open, state) = (batch(3, 60, 1), lot(&["x", "x", "t"], &[], 0));
    assert_eq!(expected(&open, &state, 2, 1, USUAL), (84 * 3_600 - 16 * 6_400) / 100);
    // At 64 % it brings nothing any more; a hundred and one percent are a hundred.
    assert!(expected(&open, &state, 2, 1, Odds { confidence_pct: 64, near_pct: 100 }) <= 0);
    assert_eq!(expected(&open, &state, 2, 1, Odds { confidence_pct: 101, ..SURE }), 3_600);
    // Without a result there is little to win.
    let (open, state) = (batch(3, 70, 1), lot(&["t", "t", "x"], &["t", "t", "y"], 1));
    assert!(expected(&open, &state, 0, 1, USUAL) < 0);
}

#[test]
fn expected__should_count_near_for_what_the_operator_takes_it_for() {
    // One f of the award and one of the slash that comes back.
    let (open, state) = (batch(3, 60, 1), lot(&["x", "x", "t"], &[], 0));
    for (near_pct, net) in [(0, 1_200), (50, 2_400), (100, 3_600)] {
        assert_eq!(expected(&open, &state, 2, 1, Odds { confidence_pct: 100, near_pct }), net, "{near_pct}");
    }
}

#[test]
fn expected__should_add_up_over_items() {
    let (open, state) = (batch(3, 60, 2), lot(&["xx", "xx", "tt"], &[], 0));
    let one = expected(&open, &state, 2, 0b01, USUAL);
    assert_eq!(expected(&open, &state, 2, 0b10, USUAL), one);
    assert_eq!(expected(&open, &state, 2, 0b11, USUAL), 2 * one);
}

#[test]
fn items__should_be_those_whose_result_is_not_the_own_answer() {
    let open = batch(3, 60, 3);
    // The first item has another result, the second the same, the third none.
    let state = lot(&["xta", "xtb", "ttc"], &["d", "e", "f"], 0b100);
    let dispute = Dispute { open: &open, items: 3, state: &state, slot: &state.slots[2] };
    assert_eq!(dispute.items(), 0b101);
    assert_eq!(dispute.results().get(0), Some(&b"x"[..]));
    assert_eq!(dispute.results().get(2), None);
    // A slot of the extension answered the last item alone.
    let late = Dispute { slot: &state.slots[3], ..dispute };
    assert_eq!(late.items(), 0b100);
}
