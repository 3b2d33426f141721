//! A node's record and a round's clock, rule by rule.
use super::common::{fixed, lot, slot, terms};
use piecework_interface::{
    amount::Amount,
    config::Fixed,
    ids::{AccountNo, ClassId},
    reputation,
    round::{batch_closed_to_claims, commits_needed, max_slots},
    settlement::SlotOutcome,
    storage::LEAVERS_MAX,
    terms::Terms,
    view::{LotState, Node, NodeStatus, SlotPhase},
};

const CLASS: ClassId = ClassId(7);

fn node() -> Node {
    let mut node = Node::new(100);
    node.set_stake(50, 10, 100);
    node.declare(&[CLASS]);
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
fn seen_lately__should_be_for_ten_seconds_and_never_for_the_silent() {
    let mut node = node();
    node.seen(150);
    assert!(node.seen_lately(150) && node.seen_lately(159));
    assert!(!node.seen_lately(160));
    node.set_status(NodeStatus::Silent, 151);
    assert!(!node.seen_lately(152));
}

#[test]
fn settle__should_pardon_only_who_revealed() {
    let mut node = node();
    node.abandon();
    node.settle(CLASS, &SlotOutcome { revealed: false, ..agreed() }, 0, &fixed(), 200);
    assert_eq!((node.settled, node.faults), (0, 1));
    node.settle(CLASS, &agreed(), 0, &fixed(), 200);
    assert_eq!((node.settled, node.faults), (1, 0));
}

#[test]
fn declare__should_keep_the_reputation_of_a_class_that_is_left() {
    let mut node = node();
    node.classes[0].reputation = 1;
    node.declare(&[ClassId(9), ClassId(3)]);
    let classes: Vec<_> = node.classes.iter().map(|class| (class.class.0, class.reputation, class.declared)).collect();
    assert_eq!(classes, [(3, reputation::START, true), (7, 1, false), (9, reputation::START, true)]);
    node.declare(&[CLASS]);
    assert_eq!(node.class(CLASS).map(|class| (class.reputation, class.declared)), Some((1, true)));
}

#[test]
fn settle__should_move_reputation_once_per_interval() {
    let mut node = node();
    node.faults = 1;
    node.settle(CLASS, &agreed(), 10, &fixed(), 1_000);
    assert_eq!((node.settled, node.faults), (1, 0));
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
fn end_slot__should_free_the_bond_and_drop_tickets_with_a_slash() {
    let mut node = node();
    (node.slots, node.bonded) = (1, Amount(20));
    assert_eq!(node.free_stake(), 30);
    node.end_slot(20, 11, 10, 200);
    assert_eq!((node.slots, node.bonded, node.stake, node.tickets), (0, Amount(0), Amount(39), 3));
    assert_eq!(node.active_since, 100);
}

#[test]
fn round__should_give_every_reservation_its_full_time() {
    // Given a clock that began at 1000, so that claims end at 2800, and a claim at 2799.
    let terms = Terms { claim_ttl_s: 600, expires_at: 100_000, ..terms() };
    let mut state = LotState::default();
    state.claim(&terms, AccountNo(1), 1_000);
    state.claim(&terms, AccountNo(2), 2_799);
    assert_eq!(state.clock_at, 1_000);
    assert!(!state.clock_over(&terms, 2_799) && state.clock_over(&terms, 2_800));
    // Then the round ends when that reservation does.
    assert!(!state.round_over(&terms, false, 3_399));
    assert!(state.round_over(&terms, false, 3_400));
    // And a claim after the end starts the clock again, but never an extension's.
    state.claim(&terms, AccountNo(3), 3_500);
    assert_eq!(state.clock_at, 3_500);
    let mut late = LotState { clock_at: 1_000, ..lot(1, Vec::new()) };
    late.claim(&terms, AccountNo(3), 9_999);
    assert_eq!(late.clock_at, 1_000);
}

#[test]
fn round__should_count_commits_of_the_current_round_only() {
    let mut state = lot(0b1, vec![slot(1, 0, Some(b"a")), slot(2, 0, None), slot(3, 1, Some(b"a")), slot(4, 1, None)]);
    assert_eq!((state.commits(), state.all_revealed()), (2, false));
    state.slots[3].phase = SlotPhase::Revealed(vec![1]);
    assert!(state.all_revealed());
    assert_eq!((state.slot_of(AccountNo(1)), state.slot_of(AccountNo(4))), (None, Some(3)));
    assert_eq!([1, 2, 3].map(|start| commits_needed(&Terms { start, ..terms() }, 0)), [1, 2, 2]);
    assert_eq!(commits_needed(&Terms { start: 1, ..terms() }, 1), 2);
}

#[test]
fn leave__should_remember_the_last_eight() {
    let terms = terms();
    let mut state = LotState::default();
    for node in 0..10 {
        state.claim(&terms, AccountNo(node), 1);
        state.leave(AccountNo(node));
    }
    assert!(state.slots.is_empty());
    assert_eq!(state.leavers.len(), LEAVERS_MAX);
    assert_eq!((state.leavers[0], state.leavers[7]), (AccountNo(2), AccountNo(9)));
}

#[test]
fn batch__should_close_to_claims_before_a_reservation_would_outlive_it() {
    let terms = Terms { claim_ttl_s: 600, expires_at: 10_000, ..terms() };
    assert!(!batch_closed_to_claims(&terms, false, 9_400));
    assert!(batch_closed_to_claims(&terms, false, 9_401));
    assert!(batch_closed_to_claims(&terms, true, 0));
    assert_eq!([0, 9, 10, 1_000].map(max_slots), [2, 2, 64, 64]);
}
