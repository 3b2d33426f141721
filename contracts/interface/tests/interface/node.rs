//! A node's record and a round's clock, rule by rule.
use super::common::{fixed, lot, slot, terms};
use piecework_interface::{
    amount::Amount,
    case::{Case, Challenge},
    config::Fixed,
    dispute::ChallengeRefusal,
    draw::Seed,
    due::{LotStep, Setting},
    ids::{AccountNo, ClassId},
    reputation,
    round::{batch_closed_to_claims, closed_to_claims, commits_needed},
    settlement::SlotOutcome,
    skip::Skip,
    storage::LEAVERS_MAX,
    terms::{JURY, Terms},
    view::{LotPhase, LotState, Node, NodeStatus, SlotPhase},
};

const CLASS: ClassId = ClassId(7);

fn node() -> Node {
    let mut node = Node::new(100);
    node.set_stake(50, 10, 100);
    node.declare(&[(CLASS, true)], 100);
    node
}

fn agreed() -> SlotOutcome {
    SlotOutcome { revealed: true, agreed: 4, decided: 4, ..SlotOutcome::default() }
}

#[test]
fn set_stake__should_make_a_latecomer_only_when_tickets_rise() {
    let mut node = node();
    assert_eq!((node.tickets, node.active_since), (5, 100));
    node.set_stake(30, 10, 200);
    assert_eq!((node.tickets, node.active_since), (3, 100));
    node.set_stake(39, 10, 300);
    assert_eq!((node.tickets, node.active_since), (3, 100));
    node.set_stake(40, 10, 400);
    assert_eq!((node.tickets, node.active_since), (4, 400));
}

#[test]
fn seen__should_return_the_silent_and_leave_the_paused() {
    let mut node = node();
    node.seen(150);
    assert_eq!((node.last_seen, node.active_since), (150, 100));
    node.set_status(NodeStatus::Silent, 200);
    assert_eq!((node.active_tickets(), node.active_since), (0, 100));
    node.seen(300);
    assert_eq!((node.status, node.active_tickets(), node.active_since), (NodeStatus::Active, 5, 300));
    node.set_status(NodeStatus::Paused, 400);
    node.seen(500);
    assert_eq!((node.status, node.active_since, node.last_seen), (NodeStatus::Paused, 300, 500));
}

#[test]
fn settle__should_count_only_who_revealed() {
    let mut node = node();
    node.settle(CLASS, &SlotOutcome { revealed: false, decided: 0, ..agreed() }, 0, &fixed(), 200);
    assert_eq!(node.settled, 0);
    node.settle(CLASS, &agreed(), 0, &fixed(), 200);
    assert_eq!(node.settled, 1);
}

#[test]
fn lets_in__should_follow_a_gates_owner_but_for_later_rounds_of_lots_that_had_begun() {
    // Given a gated class, and a lot whose first claim was at 500
    let mut node = node();
    node.declare(&[(ClassId(9), false)], 200);
    let begun = |round| LotState { round, begun_at: 500, ..LotState::default() };
    let class = |node: &Node| node.class(ClassId(9)).unwrap().clone();
    assert!(!class(&node).lets_in(&begun(0)));
    assert_eq!(node.counted().collect::<Vec<_>>(), []);

    // When its owner admits the node, then it counts, and it is as young as that
    node.class_mut(ClassId(9)).unwrap().admit(300);
    assert!(class(&node).lets_in(&begun(0)));
    assert_eq!((class(&node).since, node.counted().collect::<Vec<_>>()), (300, vec![(ClassId(9), 5)]));

    // And when it is removed, then round 0 is closed at once, later rounds of lots that begin later
    node.class_mut(ClassId(9)).unwrap().remove(600);
    assert!(!class(&node).lets_in(&begun(0)) && class(&node).lets_in(&begun(1)));
    node.class_mut(ClassId(9)).unwrap().removed_at = 499;
    assert!(!class(&node).lets_in(&begun(1)));
}

#[test]
fn declare__should_keep_the_reputation_of_a_class_that_is_left() {
    let mut node = node();
    node.classes[0].reputation = 1;
    node.declare(&[(ClassId(9), true), (ClassId(3), true)], 200);
    let classes: Vec<_> = node.classes.iter().map(|class| (class.class.0, class.reputation, class.declared)).collect();
    assert_eq!(classes, [(3, reputation::START, true), (7, 1, false), (9, reputation::START, true)]);
    node.declare(&[(CLASS, true)], 300);
    // And a return makes it a latecomer of the class.
    assert_eq!(node.class(CLASS).map(|class| (class.reputation, class.declared, class.since)), Some((1, true, 300)));
}

#[test]
fn settle__should_move_reputation_once_per_interval() {
    let mut node = node();
    node.settle(CLASS, &agreed(), 10, &fixed(), 1_000);
    assert_eq!(node.settled, 1);
    let after = node.class(CLASS).unwrap().clone();
    assert_eq!((after.reputation, after.stepped_at), (5_312, 1_000));
    // When another lot settles within the hour, then only the count moves.
    node.settle(CLASS, &agreed(), 10, &fixed(), 4_599);
    assert_eq!((node.settled, node.class(CLASS)), (2, Some(&after)));
    node.settle(CLASS, &agreed(), 10, &fixed(), 4_600);
    assert_eq!(node.class(CLASS).unwrap().stepped_at, 4_600);
}

#[test]
fn settle__should_leave_the_interval_alone_when_nothing_moves() {
    // Given a lot that pays no fee and one that decided nothing.
    let mut node = node();
    node.settle(CLASS, &agreed(), 0, &fixed(), 1_000);
    node.settle(CLASS, &SlotOutcome::default(), 10, &fixed(), 1_000);
    // Then neither holds the node's reputation in place for an hour.
    assert_eq!((node.class(CLASS).unwrap().reputation, node.class(CLASS).unwrap().stepped_at), (reputation::START, 0));
    // And half a `rep_unit` of fee is half a step.
    let fixed = Fixed { rep_unit: Amount(20), ..fixed() };
    node.settle(CLASS, &agreed(), 10, &fixed, 1_000);
    assert_eq!(node.class(CLASS).unwrap().reputation, 5_156);
}

#[test]
fn end_slot__should_free_the_bond_and_leave_tickets_to_the_next_change_of_stake() {
    let mut node = node();
    node.bonded = Amount(20);
    assert_eq!(node.free_stake(), 30);
    node.end_slot(20, 11);
    assert_eq!((node.bonded, node.stake, node.tickets, node.active_since), (Amount(0), Amount(39), 5, 100));
    node.set_stake(39, 10, 200);
    assert_eq!((node.tickets, node.risen_at), (3, 100));
}

/// Terms of long reservations in short slices, and a seed.
fn timed() -> (Terms, Seed) {
    let seed = Seed { value: [1; 16], at: 1, height: 2, tickets: 3, appeal: true };
    (Terms { claim_ttl_s: 600, slice_s: 3, expires_at: 100_000, ..terms() }, seed)
}

fn claim(state: &mut LotState, node: u32, now_s: u32) {
    let (terms, seed) = timed();
    state.claim(&terms, (AccountNo(node), AccountNo(node + 100)), &seed, now_s);
}

#[test]
fn clock__should_be_three_reservations_and_twenty_slices() {
    let clock = |claim_ttl_s, slice_s, round| Terms { claim_ttl_s, slice_s, ..terms() }.clock_s(round);
    assert_eq!((clock(600, 3, 0), clock(60, 3_600, 0), clock(60, 3_600, 1)), (1_800, 72_000, 72_000));
    // A jury counts a reservation as a day at most, and a slice as a minute at least.
    assert_eq!((clock(604_800, 3, 2), clock(60, 3, 2), clock(600, 3, 2)), (259_200, 1_200, 1_800));
}

#[test]
fn clock__should_start_anew_only_while_nobody_has_committed() {
    // Given a clock that began at 1000, so that claims end at 2800
    let (terms, _) = timed();
    let mut state = LotState::default();
    claim(&mut state, 1, 1_000);
    claim(&mut state, 2, 2_799);
    assert_eq!((state.clock_at, state.begun_at, state.appeal), (1_000, 1_000, true));
    assert!(!state.clock_over(&terms, 2_799) && state.clock_over(&terms, 2_800));

    // When the next claim finds it over, then it starts anew; once anybody has committed it does not
    claim(&mut state, 3, 2_800);
    assert_eq!((state.clock_at, state.begun_at), (2_800, 1_000));
    state.slots[0].phase = SlotPhase::Committed([0; 32]);
    assert!(!state.restarts(&terms, 9_000));
    assert_eq!(state.vacancy(&terms, false, 9_000), Err(Skip::ClosedToClaims));

    // And a later round's never does
    let late = LotState { clock_at: 1_000, ..lot(1, Vec::new()) };
    assert!(!late.restarts(&terms, 9_999));
}

#[test]
fn due__should_end_rounds_by_their_commits_and_clocks() {
    let (terms, fixed) = (timed().0, fixed());
    let at = |now_s, cancelled, held_up| Setting {
        terms: &terms,
        fixed: &fixed,
        cancelled,
        held_up,
        bond: 0,
        now_s,
        height: 0,
    };
    let mut state = LotState::default();
    claim(&mut state, 1, 1_000);
    let due = |state: &LotState, now_s, cancelled| state.due(&at(now_s, cancelled, true));
    // Given a reservation without a commit: the window passes it when the clock is over, and claims go on
    assert_eq!(due(&state, 2_799, false), None);
    assert_eq!(due(&state, 2_800, false), Some(LotStep::Pass));
    assert_eq!(state.due(&at(2_800, false, false)), None);
    assert_eq!(state.vacancy(&terms, false, 2_800), Ok(None));
    // A cancelled batch waits for the reservation, and closes the lot.
    assert_eq!((due(&state, 1_600, true), due(&state, 1_601, true)), (None, Some(LotStep::Free)));
    // And one commit is enough to turn to reveals, at the end of the clock or of the batch.
    state.slots[0].phase = SlotPhase::Committed([0; 32]);
    assert_eq!((due(&state, 2_799, false), due(&state, 2_800, false)), (None, Some(LotStep::Reveal)));
    assert_eq!(due(&state, 1_001, true), Some(LotStep::Reveal));
    // Neither requester nor expiry ends a later round; its clock does, and a jury needs four.
    state.begin_round(1, 1_000);
    assert_eq!((due(&state, 1_001, true), due(&state, 2_800, true)), (None, Some(LotStep::Free)));
    assert!(!closed_to_claims(&terms, true, 1, 200_000));
    state.begin_round(JURY, 1_000);
    for node in 10..13 {
        state.slots.push(slot(node, JURY, None));
    }
    assert_eq!(due(&state, 2_800, false), Some(LotStep::Free));
    state.slots.push(slot(13, JURY, None));
    assert_eq!(due(&state, 2_800, false), Some(LotStep::Reveal));
}

#[test]
fn reveals__should_last_window_and_grace_and_half_as_many_blocks() {
    let (terms, fixed) = (timed().0, fixed());
    let mut state = lot(0, vec![slot(1, 0, None)]);
    (state.phase, state.phase_at, state.phase_height) = (LotPhase::Revealing, 1_000, 50);
    let due = |now_s, height| {
        state.due(&Setting { terms: &terms, fixed: &fixed, cancelled: false, held_up: false, bond: 0, now_s, height })
    };
    // 300 seconds and 60 of grace; 180 blocks.
    assert_eq!((due(1_359, 230), due(1_360, 229), due(1_360, 230)), (None, None, Some(LotStep::Tally)));
}

#[test]
fn release__should_cost_the_used_part_of_the_time() {
    // Given a bond of 300 of which a fifth is at stake, and a reservation of ten minutes
    let (terms, fixed) = (timed().0, fixed());
    let mut state = LotState::default();
    claim(&mut state, 1, 1_000);
    let cost = |now_s| state.release_slash(&state.slots[0], &terms, &fixed, 3, now_s);
    assert_eq!([1_000, 1_060, 1_300, 1_600, 9_000].map(cost), [Some(6), Some(6), Some(30), Some(60), Some(60)]);
    // And a juror pays what its items are worth.
    let mut jury = lot(0, Vec::new());
    jury.case_mut().challenges = vec![Challenge { account: AccountNo(9), operator: AccountNo(9), items: 0b11 }];
    jury.round = JURY;
    assert_eq!(jury.abandon_slash(&terms, &fixed, 3), 200);
}

#[test]
fn challenge__should_replace_the_smallest_and_latest_by_one_of_more_items() {
    // Given four challenges of one and two items
    let terms = Terms { challenge_window_s: 600, lot_size: 16, ..terms() };
    let mut case = Case::default();
    let mut challenge =
        |items, now_s| case.challenge(&terms, 16, (AccountNo(items as u32), AccountNo(1), items), now_s);
    for items in [0b1, 0b110, 0b1000, 0b11_0000] {
        assert_eq!(challenge(items, 1_000), Ok(None));
    }
    // When a fifth comes, then it needs more items than the smallest, and none that is taken
    assert_eq!(challenge(1 << 6, 1_000), Err(ChallengeRefusal::Full));
    assert_eq!(challenge(0b11, 1_000), Err(ChallengeRefusal::Taken));
    assert_eq!(challenge(1 << 16, 1_000), Err(ChallengeRefusal::NoItem));
    let gone = challenge(0b1100_0000, 2_000).unwrap().unwrap();
    assert_eq!(gone.items, 0b1000, "of equals the latest");
    assert_eq!((case.challenged(), case.open_until, case.challenges.len()), (0b1111_0111, 2_600, 4));
}

#[test]
fn round__should_count_commits_of_the_current_round_only() {
    let mut state = lot(0b1, vec![slot(1, 0, Some(b"a")), slot(2, 0, None), slot(3, 1, Some(b"a")), slot(4, 1, None)]);
    assert_eq!((state.commits(), state.all_revealed()), (2, false));
    state.slots[3].phase = SlotPhase::Revealed(vec![1]);
    assert!(state.all_revealed());
    assert_eq!((state.slot_of(AccountNo(1)), state.slot_of(AccountNo(4))), (None, Some(3)));
    assert_eq!([0, 1, JURY].map(commits_needed), [1, 1, 4]);
}

#[test]
fn leave__should_remember_the_last_nodes_and_their_operators() {
    let mut state = LotState::default();
    for node in 0..18 {
        claim(&mut state, node, 1);
        state.leave(AccountNo(node));
    }
    assert!(state.slots.is_empty());
    assert_eq!(state.leavers.len(), LEAVERS_MAX);
    assert_eq!((state.leavers[0], state.leavers[15]), (AccountNo(10), AccountNo(117)));
}

#[test]
fn batch__should_close_to_claims_before_a_reservation_would_outlive_it() {
    let terms = Terms { claim_ttl_s: 600, expires_at: 10_000, ..terms() };
    assert!(!batch_closed_to_claims(&terms, false, 9_400));
    assert!(batch_closed_to_claims(&terms, false, 9_401));
    assert!(batch_closed_to_claims(&terms, true, 0));
}
