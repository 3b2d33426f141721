//! The front rule: how far ahead a node looks.

use piecework_interface::{
    amount::Amount,
    case::Challenge,
    config::Fixed,
    due::LotStep,
    ids::{AccountNo, ClassId, NEAR},
    terms::{Terms, Verification},
    view::{BatchStatus, Class, ClassRecord, OpenBatch, Progress, Slot, Window},
};

use super::*;
use crate::core::{Action, ClassLimits, Event, fixture};

const ME: AccountNo = AccountNo(5);
const BATCH: BatchId = BatchId(0);
const CLASS: ClassId = ClassId(7);
/// A time long after the capture, when the bar is down.
const NOW_S: u32 = 10_000;

/// An agent with this limit of reservations.
fn state_of(max_reservations: u16) -> State {
    let classes = [(CLASS, ClassLimits { parallel: 1, time_limit_s: 1, judges_scores: false, verifies: false })].into();
    fixture::state(ME, max_reservations, classes)
}

fn state() -> State {
    state_of(1)
}

/// A node, and a batch of 40 lots of three seats drawn while `nodes` with a ticket each were active.
fn facts(nodes: u32) -> Facts {
    let seed = Seed { value: [1; 16], at: 100, height: 10, tickets: nodes, appeal: false };
    let window = Window {
        draws: core::array::from_fn(|group| if group < 2 { Draw::Seeded(seed.clone()) } else { Draw::Closed }),
        ..Window::default()
    };
    let progress = Progress { window, ..Progress::default() };
    let terms = Terms {
        class: CLASS,
        reward: Amount(2),
        lot_size: 1,
        answer_width: 1,
        start: 3,
        quorum_pct: 60,
        claim_ttl_s: 60,
        reveal_window_s: 300,
        challenge_window_s: 0,
        slice_s: 1,
        bond_pct: 100,
        dissent_slash_pct: 10,
        abandon_slash_pct: 5,
        min_reputation: 0,
        expires_at: 1_000_000,
        verification: Verification::Consensus,
    };
    let fixed = Fixed {
        fee_bps: 0,
        bond_rate: Amount(0),
        rep_unit: Amount(1),
        reputation_interval_s: 0,
        grace_s: 0,
        jury_nodes: 1,
    };
    let open = OpenBatch {
        requester: AccountNo(0),
        requester_operator: AccountNo(0),
        token: NEAR,
        terms,
        fixed,
        items: 40,
        manifest: [0; 32],
        created_at: 0,
        appendable: false,
        forget_on_close: false,
        referrer: None,
        appended: [0; 32],
        progress,
        escrow: Amount(0),
    };
    let record = ClassRecord {
        class: CLASS,
        reputation: 5_000,
        stepped_at: 0,
        declared: true,
        admitted: true,
        since: 0,
        removed_at: 0,
    };
    let node = Node { classes: vec![record], ..fixture::node(NOW_S) };
    let class = Class { class: CLASS, nodes, tickets: nodes, ..Class::default() };
    Facts {
        now_s: NOW_S,
        classes: [(CLASS, class)].into(),
        account: Some(fixture::account(ME, node)),
        batches: [(BATCH, BatchFacts { status: BatchStatus::Open, open, lots: Default::default() })].into(),
        ..Facts::default()
    }
}

fn node(facts: &mut Facts) -> &mut Node {
    facts.account.as_mut().unwrap().node.as_mut().unwrap()
}

fn batch(facts: &mut Facts) -> &mut BatchFacts {
    facts.batches.get_mut(&BATCH).unwrap()
}

/// Other nodes hold this number of seats of the lot.
fn hold(facts: &mut Facts, lot: u32, seats: u32) {
    let batch = batch(facts);
    let mut state = LotState::default();
    let Draw::Seeded(seed) = batch.open.progress.window.draws[0].clone() else { panic!("not drawn") };
    for node in (0..seats.max(1)).map(|node| AccountNo(100 + node)) {
        state.claim(&batch.open.terms, (node, node), &seed, NOW_S);
    }
    state.slots.truncate(usize::try_from(seats).unwrap());
    batch.lots.insert(LotId(lot), state);
}

/// Lots that the node looks at, by number.
fn looks_at(facts: &Facts) -> Vec<u32> {
    looks(&state(), facts)
}

fn looks(state: &State, facts: &Facts) -> Vec<u32> {
    let mut lots: Vec<u32> = state.candidates(0, facts, false).iter().map(|chance| chance.place.lot.0).collect();
    lots.sort_unstable();
    lots
}

#[test]
fn front__should_be_as_many_lots_as_the_nodes_can_fill_at_once() {
    // Nine nodes with a reservation each fill three lots of three seats.
    assert_eq!(looks_at(&facts(9)), [0, 1, 2]);
    assert_eq!(looks_at(&facts(11)), [0, 1, 2]);
    // With four they fill twelve.
    assert_eq!(looks(&state_of(4), &facts(9)), (0..12).collect::<Vec<_>>());
    // It crosses groups.
    assert_eq!(looks(&state_of(4), &facts(90)), (0..40).collect::<Vec<_>>());
    // Nodes count, and not their tickets, as soon as their number is known.
    let mut heavy = facts(9);
    heavy.classes.get_mut(&CLASS).unwrap().nodes = 3;
    assert_eq!(looks_at(&heavy), [0]);
}

#[test]
fn front__should_be_one_lot_at_least() {
    assert_eq!(looks_at(&facts(1)), [0]);
    assert_eq!(looks_at(&facts(2)), [0]);
}

#[test]
fn front__should_pass_lots_that_are_filled() {
    // Given a lot that is full and one with a free seat.
    let mut facts = facts(9);
    hold(&mut facts, 0, 3);
    hold(&mut facts, 1, 2);
    // Then the full one makes room for one more, and the other one is first of all.
    assert_eq!(looks_at(&facts), [1, 2, 3]);
    assert_eq!(state().candidates(0, &facts, false)[0].place.lot, LotId(1));
}

#[test]
fn front__should_count_a_lot_that_the_node_waits_in() {
    // Given a network of three, and a lot in which this node holds the only seat.
    let mut facts = facts(3);
    hold(&mut facts, 0, 1);
    batch(&mut facts).lots.get_mut(&LotId(0)).unwrap().slots[0].node = ME;
    // Then it goes no further before the others come.
    assert!(looks_at(&facts).is_empty());
}

#[test]
fn front__should_not_be_held_up_by_what_the_node_gave_back() {
    let mut facts = facts(3);
    hold(&mut facts, 0, 0);
    batch(&mut facts).lots.get_mut(&LotId(0)).unwrap().leavers = vec![ME];
    assert_eq!(looks_at(&facts), [1]);
}

#[test]
fn front__should_not_bind_extensions() {
    // Given a network of three and the extension of a lot far behind the front.
    let mut facts = facts(3);
    hold(&mut facts, 30, 0);
    let batch = batch(&mut facts);
    let seed = Seed { value: [2; 16], at: 200, height: 20, tickets: 3, appeal: false };
    let lot = batch.lots.get_mut(&LotId(30)).unwrap();
    lot.begin_round(1, NOW_S);
    (lot.open_items, lot.draw) = (1, Draw::Seeded(seed));
    // Then it is looked at beside the front.
    assert_eq!(looks_at(&facts), [0, 30]);
}

#[test]
fn front__should_take_up_lots_that_the_window_passed() {
    // Given a lot in which no seat was committed in time, and a window that went on.
    let mut facts = facts(9);
    hold(&mut facts, 0, 0);
    batch(&mut facts).open.progress.window.marks[0] = 1;
    batch(&mut facts).lots.get_mut(&LotId(0)).unwrap().clock_at = 1;
    // Then a claim starts its clock anew, but none begins a lot that is marked and has no record.
    assert_eq!(looks_at(&facts), [0, 1, 2]);
    batch(&mut facts).lots.clear();
    assert_eq!(looks_at(&facts), [1, 2, 3]);
}

#[test]
fn lot__should_be_begun_only_with_an_adjudicator_behind_it() {
    // Given an adjudicated batch whose operator trusts the adjudicator.
    let mut facts = facts(3);
    let adjudicator = AccountNo(1);
    facts.adjudicators = [adjudicator].into();
    let open = &mut batch(&mut facts).open;
    open.terms.verification = Verification::Adjudicated { adjudicator, verdict_ttl_s: 60 };
    open.terms.challenge_window_s = 600;
    // Then nothing is begun until it has accepted with a bond.
    assert!(looks_at(&facts).is_empty());
    let text = state().no_chance(&facts, facts.node().unwrap(), BATCH, &facts.batches[&BATCH]);
    assert_eq!(text, Skip::Adjudicator.text());
    let progress = &mut batch(&mut facts).open.progress;
    (progress.accepted, progress.bond) = (true, Amount(1_000));
    assert_eq!(looks_at(&facts), [0]);
}

/// A batch that takes no more claims, with a lot whose jury is drawn, on challenged items 0 and 2.
fn with_jury() -> Facts {
    let mut facts = facts(9);
    hold(&mut facts, 3, 3);
    let batch = batch(&mut facts);
    batch.status = BatchStatus::Cancelled;
    (batch.open.terms.lot_size, batch.open.items) = (4, 160);
    batch.open.fixed.bond_rate = Amount(1 << 40);
    let lot = batch.lots.get_mut(&LotId(3)).unwrap();
    lot.begun_at = 50;
    lot.begin_round(JURY, NOW_S - 30);
    lot.draw = Draw::Seeded(Seed { value: [2; 16], at: 200, height: 20, tickets: 9, appeal: true });
    let challenge = Challenge { account: AccountNo(2), operator: AccountNo(2), items: 0b101 };
    lot.case_mut().challenges.push(challenge);
    facts
}

#[test]
fn jury__should_be_joined_after_its_batch_is_cancelled() {
    // Given a node that worked on none of the lot.
    let mut facts = with_jury();
    // Then it takes a seat, with a juror's bond for the jury's items.
    assert_eq!(looks_at(&facts), [3]);
    let place = Place { batch: BATCH, lot: LotId(3), round: JURY };
    let lots = &facts.batches[&BATCH];
    assert_eq!(lots.judged(place.lot, place.round), 0b101);
    assert_eq!(lots.bond(place.lot, place.round), 3 * 2 * (2 << 8));
    // But not if it had a hand in the lot's result.
    let slot = &mut batch(&mut facts).lots.get_mut(&LotId(3)).unwrap().slots[0];
    (slot.node, slot.operator) = (ME, ME);
    assert!(looks_at(&facts).is_empty());
}

#[test]
fn jury__should_be_left_to_those_who_may_judge() {
    let refuses = |change: fn(&mut Facts)| {
        let mut facts = with_jury();
        change(&mut facts);
        looks_at(&facts).is_empty()
    };
    // Its tickets rose, or it joined the class, after the first claim; or its operator challenges.
    assert!(refuses(|facts| node(facts).risen_at = 50));
    assert!(refuses(|facts| node(facts).classes[0].since = 50));
    assert!(refuses(|facts| node(facts).operator = Some(AccountNo(2))));
    // A pause since then, or little reputation, does not count.
    assert!(!refuses(|facts| node(facts).active_since = NOW_S - 1));
    assert!(!refuses(|facts| batch(facts).open.terms.min_reputation = 5_001));
}

#[test]
fn jury__should_be_left_alone_by_an_operator_who_wants_none() {
    let mut state = state();
    state.limits.policy.juries = false;
    assert!(looks(&state, &with_jury()).is_empty());
}

#[test]
fn jury__should_judge_scores_only_with_a_program_for_it() {
    // Given a jury about an adjudicator's scores.
    let mut facts = with_jury();
    let terms = &mut batch(&mut facts).open.terms;
    terms.verification = Verification::Adjudicated { adjudicator: AccountNo(1), verdict_ttl_s: 60 };
    // Then it is left alone without one, and joined with one, to answer in one byte.
    assert!(looks_at(&facts).is_empty());
    let mut able = state();
    able.limits.classes.get_mut(&CLASS).unwrap().judges_scores = true;
    assert_eq!(looks(&able, &facts), [3]);
    assert_eq!(facts.batches[&BATCH].width(JURY), 1);
}

#[test]
fn jury__should_go_before_an_extension_and_that_before_new_lots() {
    // Given lots in all three rounds.
    let mut facts = with_jury();
    batch(&mut facts).status = BatchStatus::Open;
    hold(&mut facts, 30, 0);
    let lot = batch(&mut facts).lots.get_mut(&LotId(30)).unwrap();
    lot.begin_round(1, NOW_S);
    let seed = Seed { value: [2; 16], at: 200, height: 20, tickets: 3, appeal: false };
    (lot.open_items, lot.draw) = (1, Draw::Seeded(seed));
    let rounds: Vec<u8> = state().candidates(0, &facts, false).iter().map(|chance| chance.place.round).collect();
    assert_eq!(rounds, [JURY, 1, 0, 0, 0]);
}

#[test]
fn lot__should_be_due_when_its_window_or_its_adjudicators_time_is_over() {
    let mut facts = facts(9);
    let open = &mut batch(&mut facts).open;
    open.terms.challenge_window_s = 50;
    open.terms.verification = Verification::Adjudicated { adjudicator: AccountNo(1), verdict_ttl_s: 80 };
    open.progress.bond = Amount(1_000);
    let batch = &facts.batches[&BATCH];
    for (phase, wait_s) in [(LotPhase::Provisional, 50), (LotPhase::Judging, 80)] {
        let lot = LotState { phase, phase_at: NOW_S, appeal: true, ..LotState::default() };
        assert!(batch.due(LotId(0), &lot, NOW_S + wait_s - 1, 1).is_none());
        assert!(batch.due(LotId(0), &lot, NOW_S + wait_s, 1).is_some());
    }
}

#[test]
fn lot__should_be_passed_when_groups_wait_behind_it() {
    // Given a lot in which no seat was committed before its clock was over.
    let mut facts = facts(9);
    hold(&mut facts, 0, 0);
    let late_s = NOW_S + facts.batches[&BATCH].open.terms.clock_s(0);
    let due = |facts: &Facts, lot| {
        let batch = &facts.batches[&BATCH];
        batch.due(lot, &batch.lots[&lot], late_s, 1)
    };
    assert_eq!(due(&facts, LotId(0)), Some(LotStep::Pass));
    // In the last group nothing waits for it.
    hold(&mut facts, 33, 0);
    batch(&mut facts).open.progress.window.frontier = 1;
    assert_eq!(due(&facts, LotId(33)), None);
}

#[test]
fn draw__should_wait_for_nodes_that_can_judge_its_lots() {
    // Given a batch with a challenge window, whose second group is not opened, and a class with as many nodes as a jury needs.
    let draws = |nodes: u32| {
        let mut facts = facts(9);
        facts.classes.get_mut(&CLASS).unwrap().nodes = nodes;
        let open = &mut batch(&mut facts).open;
        (open.terms.challenge_window_s, open.fixed.jury_nodes) = (600, 15);
        open.progress.window.draws[1] = Draw::Closed;
        let mut state = state();
        state.watch(0, &facts);
        state.draws(0, &facts, false).len()
    };
    assert_eq!((draws(14), draws(15)), (0, 1));
}

#[test]
fn class__should_be_waited_for_while_its_row_is_not_known() {
    // Given facts without the class's row.
    let mut facts = facts(9);
    facts.classes.clear();
    // Then the agent takes nothing, draws nothing, and says why.
    let mut state = state();
    let actions = state.step(0, Event::Facts(Box::new(facts)));
    assert_eq!(actions, []);
    assert_eq!(state.why_no_work(0), ["batch 0: class 7 is not known yet; to allow it, wait until the chain shows it"]);
}

#[test]
fn requester__should_be_asked_about_before_its_work_is_begun() {
    // Given payloads in hand.
    let mut state = state();
    let actions = state.step(0, Event::Facts(Box::new(facts(3))));
    let asked = || Action::LookUp(BATCH, AccountNo(0));
    assert_eq!(actions, [asked(), Action::Fetch(BATCH, LotId(0))]);
    assert_eq!(state.step(1, Event::Fetched(BATCH, LotId(0), Ok(()))), []);
    assert!(state.why_no_work(1)[0].contains("is being asked about its requester"));
    // When the gateway answers that most of its lots came to nothing, then none is claimed.
    let bad = crate::core::policy::Record { ended: 20, unresolved: 20, ..Default::default() };
    assert_eq!(state.step(2, Event::Requester(AccountNo(0), Some(bad))), []);
    assert!(state.why_no_work(2)[0].contains("set [policy] max_lost_pct"), "{:?}", state.why_no_work(2));
    // An answer that knows nothing changes nothing.
    assert_eq!(state.step(3, Event::Requester(AccountNo(0), None)), []);
    // It is asked again after a while, though nothing of it is claimed.
    let (soon, later) = (4, 3 + 600_000);
    assert!(!state.step(soon, Event::Facts(Box::new(facts(3)))).contains(&asked()));
    assert!(state.step(later, Event::Facts(Box::new(facts(3)))).contains(&asked()));
    // A better one does.
    let better = crate::core::policy::Record { ended: 40, ..bad };
    let actions = state.step(later + 1, Event::Requester(AccountNo(0), Some(better)));
    assert!(matches!(&actions[..], [Action::Send { claims, .. }] if claims.len() == 1), "{actions:?}");
}

#[test]
fn stake__should_be_counted_over_all_claims_of_a_call() {
    // Given stake for four lots of a batch with a window, and for a jury's tenth.
    let mut facts = facts(90);
    let open = &mut batch(&mut facts).open;
    (open.terms.challenge_window_s, open.fixed.bond_rate) = (600, Amount(1 << 40));
    let bond = open_bond(&facts);
    let mut state = state_of(8);
    state.limits.classes.get_mut(&CLASS).unwrap().parallel = 8;
    (state.limits.policy.max_lost_pct, state.limits.policy.max_contested_pct) = (100, 100);
    node(&mut facts).stake = Amount(4 * bond);
    for lot in 0..40 {
        state.payloads.insert((BATCH, LotId(lot)), Payloads::Ready);
    }
    // Then a quarter is claimed for.
    assert_eq!(state.claims(0, &facts, 24).len(), 1);
    // Without a window, all but a tenth is.
    batch(&mut facts).open.terms.challenge_window_s = 0;
    assert_eq!(state.claims(0, &facts, 24).len(), 3);
}

fn open_bond(facts: &Facts) -> u128 {
    facts.batches[&BATCH].bond(LotId(0), 0)
}

/// What the agent does with a seat of this round while the copies of the first round are these.
fn works_on(round: u8, copies: [u8; 3]) -> (Vec<Action>, Option<String>) {
    let mut facts = with_jury();
    let lots = batch(&mut facts);
    lots.open.progress.live = 1;
    let lot = lots.lots.get_mut(&LotId(3)).unwrap();
    for (slot, copy) in lot.slots.iter_mut().zip(copies) {
        slot.phase = SlotPhase::Revealed(vec![copy; 4]);
    }
    if round == 1 {
        (lot.round, lot.open_items, lot.case) = (1, 0b101, None);
    }
    let until = NOW_S + 60;
    lot.slots.push(Slot { node: ME, operator: ME, round, phase: SlotPhase::Reserved(until) });
    let place = Place { batch: BATCH, lot: LotId(3), round };
    let shown = lots.scores(place).map(|scores| scores.text);
    let mut state = state();
    state.records.insert(place, crate::record::Record { place, done: None });
    state.payloads.insert((BATCH, LotId(3)), Payloads::Ready);
    (state.step(0, Event::Facts(Box::new(facts))), shown)
}

#[test]
fn later_round__should_be_worked_blind_to_what_others_answered() {
    for round in [1, JURY] {
        // Given a seat of an extension or a jury, after copies that differ in one world from those of the other.
        let (work, shown) = works_on(round, [1, 1, 2]);
        // Then the worker is handed the same in both, and none of the answers.
        let place = Place { batch: BATCH, lot: LotId(3), round };
        let expected = Action::Work { place, class: CLASS, items: 0b101, width: 1, limit_s: 1 };
        assert_eq!((&work[..], &shown), (&[expected][..], &None));
        assert_eq!(works_on(round, [7, 8, 9]), (work, shown));
    }
}

/// Accounts with an active node in the class: numbers, and their operators.
fn accounts(nodes: &[(u32, u32)], facts: &Facts) -> Vec<piecework_interface::view::Account> {
    let like = facts.node().unwrap().1;
    let node = |operator| Node { operator: Some(AccountNo(operator)), ..like.clone() };
    nodes.iter().map(|&(account, operator)| fixture::account(AccountNo(account), node(operator))).collect()
}

#[test]
fn others__should_be_operators_who_may_sit() {
    // Given a class of twenty nodes, the agent's of operator 50, and another of the same; two of operator 60; one of its own;
    // the requester's; and four that do not count: paused, without a ticket, not declared, not admitted.
    let mut facts = facts(20);
    node(&mut facts).operator = Some(AccountNo(50));
    let mut accounts = accounts(
        &[(5, 50), (6, 50), (7, 60), (8, 60), (9, 9), (30, 0), (10, 10), (11, 11), (12, 12), (13, 13)],
        &facts,
    );
    let mut without = accounts.iter_mut().skip(6).map(|account| account.node.as_mut().unwrap());
    without.next().unwrap().status = piecework_interface::view::NodeStatus::Paused;
    without.next().unwrap().tickets = 0;
    without.next().unwrap().classes[0].declared = false;
    without.next().unwrap().classes[0].admitted = false;
    facts.count_operators(&accounts);
    let others = |facts: &Facts, lot| facts.others_in(&facts.batches[&BATCH], lot);
    // Then operators 60 and 9 may sit beside it.
    assert_eq!(others(&facts, None), 2);
    // Who left the lot cannot, where a jury may be needed.
    let lot = LotState { leavers: vec![AccountNo(60), AccountNo(50)], ..LotState::default() };
    assert_eq!(others(&facts, Some(&lot)), 2);
    batch(&mut facts).open.terms.challenge_window_s = 600;
    assert_eq!((others(&facts, Some(&lot)), others(&facts, None)), (1, 2));
    // A class that shrank since has no more than its row says, the agent's own node among them.
    facts.classes.get_mut(&CLASS).unwrap().nodes = 2;
    assert_eq!(others(&facts, None), 1);
    // Before the accounts are read there is none.
    facts.count_operators(&[]);
    assert_eq!(others(&facts, None), 0);
}

#[test]
fn front__should_leave_out_a_lot_whose_leavers_thin_the_class() {
    // Given a batch with a challenge window, four other operators, and an operator who asks for just as many.
    let mut facts = facts(20);
    batch(&mut facts).open.terms.challenge_window_s = 600;
    let accounts = accounts(&[(5, 5), (6, 6), (7, 7), (8, 8), (9, 9)], &facts);
    facts.count_operators(&accounts);
    let mut state = state();
    state.limits.policy.spare_nodes_with_window = 1;
    hold(&mut facts, 0, 1);
    hold(&mut facts, 1, 1);
    let all = looks(&state, &facts);
    assert!(all.contains(&0) && all.contains(&1), "{all:?}");
    // When one of them left the first lot, then that is left alone, and holds up no other.
    batch(&mut facts).lots.get_mut(&LotId(0)).unwrap().leavers = vec![AccountNo(9)];
    let further: Vec<u32> = all.into_iter().map(|lot| lot + 1).collect();
    assert_eq!(looks(&state, &facts), further);
}

#[test]
fn why__should_tell_settled_lots_from_those_that_are_not_drawn() {
    let why = |facts: &Facts| {
        let mut state = state();
        state.step(0, Event::Facts(Box::new(facts.clone())));
        state.why_no_work(0).remove(0)
    };
    // Given an open batch of one lot that is not drawn, then begun by others, then settled.
    let mut facts = facts(9);
    let open = &mut batch(&mut facts).open;
    open.items = 1;
    open.progress.window.draws[0] = Draw::Closed;
    assert!(why(&facts).contains("no group is drawn yet"), "{}", why(&facts));
    let begun = LotState { phase: LotPhase::Revealing, ..LotState::default() };
    batch(&mut facts).lots.insert(LotId(0), begun);
    assert!(why(&facts).contains("each of its lots is begun"), "{}", why(&facts));
    batch(&mut facts).lots.clear();
    batch(&mut facts).open.progress.window.marks[0] = 1;
    assert!(why(&facts).contains("all its lots are settled"), "{}", why(&facts));
}
