//! The front rule: how far ahead a node looks.

use piecework_interface::{
    amount::Amount,
    config::Fixed,
    ids::{AccountNo, ClassId, NEAR},
    terms::{Terms, Verification},
    view::{BatchStatus, ClassRecord, OpenBatch, Progress, Slot, Window},
};

use super::*;
use crate::core::{ClassLimits, RevenueRights, fixture};

const ME: AccountNo = AccountNo(5);
const BATCH: BatchId = BatchId(0);
const CLASS: ClassId = ClassId(7);
/// So long after the capture that the bar is down for everybody.
const NOW_S: u32 = 10_000;

fn state() -> State {
    let classes = [(CLASS, ClassLimits { parallel: 1, time_limit_s: 1, judges_scores: false })].into();
    fixture::state(ME, classes, RevenueRights::default())
}

/// A node with so many settled lots, and a batch of 40 lots of three seats drawn while `tickets` were active.
fn facts(tickets: u32, settled: u32) -> Facts {
    let seed = Seed { value: [1; 16], at: 100, height: 10, tickets };
    let window = Window {
        draws: core::array::from_fn(|group| if group < 2 { Draw::Seeded(seed.clone()) } else { Draw::Closed }),
        ..Window::default()
    };
    let progress = Progress { window, ..Progress::default() };
    let terms = Terms {
        class: CLASS,
        reward: Amount(1),
        lot_size: 1,
        answer_width: 1,
        start: 3,
        max: 6,
        quorum_pct: 60,
        claim_ttl_s: 60,
        reveal_window_s: 300,
        challenge_window_s: 0,
        slice_s: 1,
        bond_pct: 100,
        dissent_slash_pct: 0,
        abandon_slash_pct: 0,
        min_reputation: 0,
        expires_at: 1_000_000,
        verification: Verification::Consensus,
        gold_slash_pct: 0,
    };
    let fixed = Fixed {
        fee_bps: 0,
        bond_rate: Amount(0),
        rep_unit: Amount(1),
        reputation_interval_s: 0,
        grace_s: 0,
        ..Fixed::default()
    };
    let open = OpenBatch {
        requester: AccountNo(0),
        token: NEAR,
        terms,
        fixed,
        items: 40,
        manifest: [0; 32],
        gold_root: [0; 32],
        created_at: 0,
        progress,
        escrow: Amount(0),
    };
    let class = ClassRecord { class: CLASS, reputation: 5_000, stepped_at: 0, declared: true };
    let node = Node { settled, classes: vec![class], ..fixture::node(NOW_S) };
    Facts {
        now_s: NOW_S,
        active_tickets: tickets,
        account: Some(fixture::account(ME, node)),
        batches: [(BATCH, BatchFacts { status: BatchStatus::Open, open, lots: Default::default() })].into(),
        ..Facts::default()
    }
}

/// Other nodes hold so many seats of the lot.
fn hold(facts: &mut Facts, lot: u32, seats: u32) {
    let slot = |node| Slot { node: AccountNo(100 + node), round: 0, phase: SlotPhase::Reserved(NOW_S + 60) };
    let state = LotState { clock_at: NOW_S, slots: (0..seats).map(slot).collect(), ..LotState::default() };
    facts.batches.get_mut(&BATCH).unwrap().lots.insert(LotId(lot), state);
}

/// Lots that the node looks at, by number.
fn looks_at(facts: &Facts) -> Vec<u32> {
    let mut lots: Vec<u32> = state().candidates(0, facts, false).iter().map(|chance| chance.place.lot.0).collect();
    lots.sort_unstable();
    lots
}

#[test]
fn front__should_be_as_many_lots_as_the_nodes_can_fill_at_once() {
    // Newcomers hold two slots and use one of them for first rounds, so nine of them fill three lots of three seats.
    assert_eq!(looks_at(&facts(9, 0)), [0, 1, 2]);
    assert_eq!(looks_at(&facts(11, 0)), [0, 1, 2]);
    // With eight slots they use four.
    assert_eq!(looks_at(&facts(9, 10)), (0..12).collect::<Vec<_>>());
    // It crosses groups.
    assert_eq!(looks_at(&facts(90, 10)), (0..40).collect::<Vec<_>>());
}

#[test]
fn front__should_be_one_lot_at_least() {
    assert_eq!(looks_at(&facts(1, 0)), [0]);
    assert_eq!(looks_at(&facts(2, 0)), [0]);
}

#[test]
fn front__should_pass_lots_that_are_filled() {
    // Given a lot that is full and one with a free seat.
    let mut facts = facts(9, 0);
    hold(&mut facts, 0, 3);
    hold(&mut facts, 1, 2);
    // Then the full one makes room for one more, and the other one is first of all.
    assert_eq!(looks_at(&facts), [1, 2, 3]);
    assert_eq!(state().candidates(0, &facts, false)[0].place.lot, LotId(1));
}

#[test]
fn front__should_count_a_lot_that_the_node_waits_in() {
    // Given a network of three, and a lot in which this node holds the only seat.
    let mut facts = facts(3, 0);
    hold(&mut facts, 0, 1);
    facts.batches.get_mut(&BATCH).unwrap().lots.get_mut(&LotId(0)).unwrap().slots[0].node = ME;
    // Then it goes no further before the others come.
    assert!(looks_at(&facts).is_empty());
}

#[test]
fn front__should_not_be_held_up_by_what_the_node_gave_back() {
    let mut facts = facts(3, 0);
    hold(&mut facts, 0, 0);
    facts.batches.get_mut(&BATCH).unwrap().lots.get_mut(&LotId(0)).unwrap().leavers = vec![ME];
    assert_eq!(looks_at(&facts), [1]);
}

#[test]
fn front__should_not_bind_extensions() {
    // Given a network of three and the extension of a lot far behind the front.
    let mut facts = facts(3, 0);
    hold(&mut facts, 30, 0);
    let batch = facts.batches.get_mut(&BATCH).unwrap();
    let seed = Seed { value: [2; 16], at: 200, height: 20, tickets: 3 };
    let lot = batch.lots.get_mut(&LotId(30)).unwrap();
    (lot.round, lot.open_items, lot.draw) = (1, 1, Draw::Seeded(seed));
    // Then it is looked at beside the front.
    assert_eq!(looks_at(&facts), [0, 30]);
}

/// A batch that takes no more claims, with a lot whose jury is drawn, on challenged items 0 and one more.
fn with_jury(settled: u32) -> Facts {
    let mut facts = facts(9, settled);
    hold(&mut facts, 3, 3);
    let batch = facts.batches.get_mut(&BATCH).unwrap();
    batch.status = BatchStatus::Cancelled;
    batch.open.terms.lot_size = 4;
    batch.open.fixed.bond_rate = Amount(1 << 40);
    let lot = batch.lots.get_mut(&LotId(3)).unwrap();
    lot.begin_round(JURY, NOW_S - 30);
    lot.draw = Draw::Seeded(Seed { value: [2; 16], at: 200, height: 20, tickets: 9 });
    lot.case_mut().jury_items = 0b101;
    facts
}

#[test]
fn jury__should_be_joined_after_its_batch_is_cancelled() {
    // Given a node that worked on none of the lot.
    let mut facts = with_jury(10);
    // Then it takes a seat, with a juror's bond for the jury's items.
    assert_eq!(looks_at(&facts), [3]);
    let place = Place { batch: BATCH, lot: LotId(3), round: JURY };
    let batch = &facts.batches[&BATCH];
    assert_eq!(batch.judged(place.lot, place.round), 0b101);
    assert_eq!(batch.bond(place.lot, place.round), 2 << 8);
    // But not if it had a hand in the lot's result.
    facts.batches.get_mut(&BATCH).unwrap().lots.get_mut(&LotId(3)).unwrap().slots[0].node = ME;
    assert!(looks_at(&facts).is_empty());
}

#[test]
fn jury__should_be_left_to_those_who_may_judge() {
    for (age_s, reputation) in [(NOW_S + 1, 0), (0, 5_001)] {
        let mut facts = with_jury(10);
        let fixed = &mut facts.batches.get_mut(&BATCH).unwrap().open.fixed;
        (fixed.juror_age_s, fixed.juror_reputation) = (age_s, reputation);
        assert!(looks_at(&facts).is_empty());
    }
}

#[test]
fn jury__should_judge_scores_only_with_a_program_for_it() {
    // Given a jury about an adjudicator's scores.
    let mut facts = with_jury(10);
    let terms = &mut facts.batches.get_mut(&BATCH).unwrap().open.terms;
    terms.verification = Verification::Adjudicated { adjudicator: AccountNo(1), verdict_ttl_s: 60 };
    // Then it is left alone without one, and joined with one, to answer in one byte.
    assert!(looks_at(&facts).is_empty());
    let mut able = state();
    able.limits.classes.get_mut(&CLASS).unwrap().judges_scores = true;
    assert_eq!(able.candidates(0, &facts, false).len(), 1);
    assert_eq!(facts.batches[&BATCH].width(JURY), 1);
}

#[test]
fn lot__should_be_due_when_its_window_or_its_adjudicators_time_is_over() {
    let mut facts = facts(9, 0);
    let terms = &mut facts.batches.get_mut(&BATCH).unwrap().open.terms;
    terms.challenge_window_s = 50;
    terms.verification = Verification::Adjudicated { adjudicator: AccountNo(1), verdict_ttl_s: 80 };
    let batch = &facts.batches[&BATCH];
    for (phase, wait_s) in [(LotPhase::Provisional, 50), (LotPhase::Judging, 80)] {
        let lot = LotState { phase, phase_at: NOW_S, ..LotState::default() };
        assert!(batch.due(&lot, NOW_S + wait_s - 1, 1).is_none());
        assert!(batch.due(&lot, NOW_S + wait_s, 1).is_some());
    }
}
