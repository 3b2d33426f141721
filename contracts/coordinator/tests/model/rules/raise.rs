//! Raises: lots that wait are priced anew, and what has begun keeps its reward.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount,
    call::{BatchAppendArgs, BatchArgs, BatchRaiseArgs, BatchSpec, ChallengeArgs, VerdictArgs},
    dispute::{adjudicator_bond, adjudicator_part, challenge_deposit},
    draw::At,
    event::Entry,
    governance::Feature,
    ids::{BatchId, LotId},
    money::{bond, escrow},
    op::{Op, Target},
    skip::Skip,
    terms::{Terms, Verification},
    view::{BatchStatus, LotPhase},
};

use crate::{
    check::check,
    market::{Market, NODES, REQUESTER, config, drawn, terms},
};

const RIGHT: [u8; 3] = [1, 2, 3];
const WRONG: [u8; 3] = [9, 9, 9];
/// The reward of [`terms`], and a higher one.
const R: u128 = 1_000;
const RAISED: u128 = 3_002;

fn raise(market: &mut Market, batch: BatchId, reward: u128) -> Result<(), Error> {
    raise_by(market, REQUESTER, batch, reward)
}

fn raise_by(market: &mut Market, who: &str, batch: BatchId, reward: u128) -> Result<(), Error> {
    let args = BatchRaiseArgs { batch, reward: Amount(reward) };
    market.call(who, 1, |engine| engine.batch_raise(&args))
}

/// What a lot of so many items holds in escrow at a reward.
fn held(market: &Market, reward: u128, items: u32) -> u128 {
    escrow(&Terms { reward: Amount(reward), ..terms(market.chain.now()) }, config().fee_bps, items)
}

/// A market with a drawn batch, whose requester has tokens for more.
fn funded(nodes: usize, items: u32, change: impl FnOnce(&mut Terms)) -> (Market, BatchId) {
    let (mut market, batch) = drawn(nodes, items, change);
    market.fund(REQUESTER, 10_u128.pow(9));
    (market, batch)
}

#[test]
fn raise__should_price_lots_that_wait_and_no_others() {
    // Given four lots: one settled, one begun, one that waits, and a short last one that waits
    let (mut market, batch) = funded(3, 10, |_| {});
    let right = [("a.near", &RIGHT[..]), ("b.near", &RIGHT), ("c.near", &RIGHT)];
    market.round(batch, 0, &right);
    market.claim("a.near", batch, 1).expect("claim");
    assert_eq!(market.lot(batch, 1).expect("lot").reward, Amount(R));

    // When its requester raises the reward
    let before = market.balance(REQUESTER);
    raise(&mut market, batch, RAISED).expect("raise");

    // Then the difference is locked for the two that wait
    let more = |items| held(&market, RAISED, items) - held(&market, R, items);
    assert_eq!(before - market.balance(REQUESTER), more(3) + more(1));
    assert_eq!(market.view_batch(batch).open.expect("open").terms.reward, Amount(RAISED));

    // And the one that has begun pays what its first claim met, the others what was raised
    let paid = market.balance("b.near");
    market.claim("b.near", batch, 1).expect("claim");
    market.claim("c.near", batch, 1).expect("claim");
    for node in ["a.near", "b.near", "c.near"] {
        market.commit(node, batch, 1, &RIGHT).expect("commit");
    }
    for node in ["a.near", "b.near", "c.near"] {
        market.reveal(node, batch, 1, &RIGHT).expect("reveal");
    }
    assert_eq!(market.balance("b.near") - paid, 3 * R);
    market.round(batch, 2, &right);
    market.round(batch, 3, &[("a.near", &[1]), ("b.near", &[1]), ("c.near", &[1])]);
    assert_eq!(market.balance("b.near") - paid, 3 * R + 4 * RAISED);
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
}

#[test]
fn raise__should_move_no_bond_and_no_slash_of_a_lot_between_its_claims_and_its_reveals() {
    // Given two markets with the same lot, committed to
    let (mut still, batch) = funded(3, 6, |terms| terms.quorum_pct = 51);
    for node in ["a.near", "b.near", "c.near"] {
        still.claim(node, batch, 0).expect("claim");
    }
    for (node, answers) in [("a.near", RIGHT), ("b.near", RIGHT), ("c.near", WRONG)] {
        still.commit(node, batch, 0, &answers).expect("commit");
    }
    let mut raised = still.clone();
    // When one of the requesters raises the reward before the reveals
    raise(&mut raised, batch, RAISED).expect("raise");
    // Then the lot comes to the same
    for market in [&mut still, &mut raised] {
        for (node, answers) in [("a.near", RIGHT), ("b.near", RIGHT), ("c.near", WRONG)] {
            market.reveal(node, batch, 0, &answers).expect("reveal");
        }
    }
    for node in ["a.near", "b.near", "c.near"] {
        assert_eq!(raised.balance(node), still.balance(node));
        assert_eq!(
            (raised.node(node).stake, raised.node(node).bonded),
            (still.node(node).stake, still.node(node).bonded)
        );
    }
    // And the next lot bonds more, by the reward that it pays
    let fixed = raised.view_batch(batch).open.expect("open").fixed;
    raised.claim("a.near", batch, 1).expect("claim");
    let at = |reward| bond(&Terms { reward: Amount(reward), ..terms(0) }, &fixed, 3);
    assert_eq!(raised.node("a.near").bonded.0, at(RAISED));
    assert!(at(RAISED) > at(R));
}

#[test]
fn raise__should_leave_a_lot_its_reward_that_everybody_has_left() {
    let (mut market, batch) = funded(3, 3, |_| {});
    market.claim("a.near", batch, 0).expect("claim");
    market.release("a.near", batch, 0).expect("release");
    let before = market.balance(REQUESTER);
    raise(&mut market, batch, RAISED).expect("raise");
    assert_eq!(market.balance(REQUESTER), before, "no lot waits for its first claim");
    market.claim("b.near", batch, 0).expect("claim");
    assert_eq!(market.lot(batch, 0).expect("lot").reward, Amount(R));
}

#[test]
fn raise__should_come_back_to_the_last_unit_when_the_batch_is_cancelled() {
    // Given a requester with so much, and a batch that nobody has worked on
    let mut market = Market::new(3);
    market.fund(REQUESTER, 10_u128.pow(9));
    let before = market.balance(REQUESTER);
    let batch = market.chain.mirror.root.next_batch;
    market.create(terms(market.chain.now()), 10).expect("batch");
    let batch = BatchId(batch);
    // When it raises, twice, and cancels
    for reward in [1_234, RAISED] {
        raise(&mut market, batch, reward).expect("raise");
    }
    assert_eq!(before - market.balance(REQUESTER), 3 * held(&market, RAISED, 3) + held(&market, RAISED, 1));
    market.cancel(batch).expect("cancel");
    // Then all of it is back
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
    assert_eq!(market.balance(REQUESTER), before);
}

#[test]
fn raise__should_cover_every_lot_whatever_fees_round_away() {
    // Given lots of one item, appended one by one, of whose fee of 5 % on 6 × 16 units 0.8 units are rounded away
    let mut market = Market::new(3);
    market.fund(REQUESTER, 10_u128.pow(9));
    let first = Terms { lot_size: 1, reward: Amount(16), ..terms(market.chain.now()) };
    let batch = market.batch_of(BatchSpec { appendable: true, ..Market::spec(first, 1) });
    let append = |market: &mut Market| {
        let args = BatchAppendArgs { batch, items: 1, ..BatchAppendArgs::default() };
        market.call(REQUESTER, 1, |engine| engine.batch_append(args)).expect("append");
    };
    (0..9).for_each(|_| append(&mut market));
    // When the reward rises to one whose fee is whole, and one more is appended at that
    raise(&mut market, batch, 20).expect("raise");
    append(&mut market);
    // Then each lot settles out of its own escrow: pay of three copies and the fee on it
    market.draw("a.near", batch, At::Group(0));
    for lot in 0..11 {
        market.round(batch, lot, &[("a.near", &[1]), ("b.near", &[1]), ("c.near", &[1])]);
    }
    assert_eq!(market.balance("a.near"), 11 * 20);
    let open = market.view_batch(batch).open.expect("open");
    assert_eq!((open.progress.fees.0, open.progress.freed.0), (11 * 3, 11 * (120 + 6 - 60 - 3)));
}

#[test]
fn raise__should_refuse_what_is_no_raise_and_lock_nothing_then() {
    let (mut market, batch) = funded(3, 6, |_| {});
    let over = market.batch(Terms { expires_at: market.chain.now() + 150, ..terms(0) }, 3);
    market.chain.pass(60);
    let cancelled = market.batch(terms(market.chain.now()), 300);
    market.draw("a.near", cancelled, At::Group(0));
    market.claim("a.near", cancelled, 0).expect("claim");
    market.cancel(cancelled).expect("cancel");
    let before = market.balance(REQUESTER);
    // Not upwards, odd, too much
    for reward in [0, R - 2, R, R + 1, 1 << 80, u128::MAX - 1] {
        assert!(matches!(raise(&mut market, batch, reward), Err(Error::Batch(_))), "{reward}");
    }
    // More than the balance holds
    assert!(matches!(raise(&mut market, batch, (1 << 80) - 2), Err(Error::Balance(_))));
    // Batches that take no claims, or do not exist
    for of in [over, cancelled, BatchId(99)] {
        assert!(raise(&mut market, of, RAISED).is_err(), "{of}");
    }
    // From another account, without a yoctoNEAR, and while new batches are paused
    assert!(matches!(raise_by(&mut market, "a.near", batch, RAISED), Err(Error::Caller(_))));
    let args = BatchRaiseArgs { batch, reward: Amount(RAISED) };
    assert!(matches!(market.call(REQUESTER, 0, |engine| engine.batch_raise(&args)), Err(Error::Deposit(_))));
    market.call("owner.near", 1, |engine| engine.pause(&[Feature::Batches])).expect("pause");
    assert!(raise(&mut market, batch, RAISED).is_err());
    assert_eq!(market.balance(REQUESTER), before);
    assert_eq!(market.view_batch(batch).open.expect("open").terms.reward, Amount(R));
}

/// A market whose batch of two lots d.near has accepted to score and whose group is drawn; the batch's terms.
fn scored() -> (Market, BatchId, Terms) {
    let mut market = Market::new(4);
    for account in [REQUESTER, "d.near"] {
        market.fund(account, 10_u128.pow(9));
    }
    let verification = Verification::Adjudicated { adjudicator: market.chain.number("d.near"), verdict_ttl_s: 100 };
    let terms = Terms { challenge_window_s: 100, verification, ..terms(market.chain.now()) };
    let batch = market.batch(terms.clone(), 6);
    accept(&mut market, batch).expect("accept");
    market.draw("a.near", batch, At::Group(0));
    (market, batch, terms)
}

fn accept(market: &mut Market, batch: BatchId) -> Result<(), Error> {
    market.call("d.near", 1, |engine| engine.adjudicator_accept(&BatchArgs { batch }))
}

#[test]
fn raise__should_wait_for_the_adjudicator_and_leave_its_begun_lots_alone() {
    // Given a batch that is scored, with a lot that has begun and one that has not
    let (mut market, batch, scored) = scored();
    market.claim("a.near", batch, 0).expect("claim");

    // When the requester raises the reward far above the bond's parts
    let reward = 100 * R;
    raise(&mut market, batch, reward).expect("raise");
    let raised = Terms { reward: Amount(reward), ..scored.clone() };
    let bond = market.view_batch(batch).open.expect("open").progress.bond.0;
    assert_eq!(bond, adjudicator_bond(&scored));
    assert!(bond < adjudicator_part(&raised, 3));

    // Then no lot begins until the adjudicator has topped up to four parts of the new reward
    assert_eq!(market.claim("b.near", batch, 1), Err(Skip::Adjudicator));
    assert_eq!(market.op("a.near", Op::Draw { batch, at: At::Group(0) }), Err(Skip::Adjudicator));

    // And the lot that has begun is worked on, scored and paid at its own: what is left of the bond covers it
    market.claim("b.near", batch, 0).expect("claim");
    market.claim("c.near", batch, 0).expect("claim");
    for node in ["a.near", "b.near", "c.near"] {
        market.commit(node, batch, 0, &RIGHT).expect("commit");
    }
    for node in ["a.near", "b.near", "c.near"] {
        market.reveal(node, batch, 0, &RIGHT).expect("reveal");
    }
    assert_eq!(market.lot(batch, 0).expect("lot").phase, LotPhase::Judging);
    assert!(market.poke_lot(batch, 0).is_err(), "its adjudicator's time runs");
    let args = VerdictArgs { batch, lot: LotId(0), scores: vec![10_000, 5_000, 0], report: [7; 32] };
    market.call("d.near", 0, |engine| engine.verdict(args)).expect("verdict");
    let paid: Vec<_> = ["a.near", "b.near", "c.near"].map(|node| market.balance(node)).into();
    assert_eq!(paid, [3 * R, 3 * R / 2, 0]);

    let before = market.balance("d.near");
    accept(&mut market, batch).expect("top up");
    assert_eq!(before - market.balance("d.near"), adjudicator_bond(&raised) - bond);
    market.claim("a.near", batch, 1).expect("claim");
    assert_eq!(market.lot(batch, 1).expect("lot").reward, Amount(reward));
}

#[test]
fn raise__should_take_a_lot_s_part_from_a_silent_adjudicator_at_its_own_reward() {
    let (mut market, batch, scored) = scored();
    market.round(batch, 0, &[("a.near", &RIGHT), ("b.near", &RIGHT), ("c.near", &RIGHT)]);
    raise(&mut market, batch, RAISED).expect("raise");
    accept(&mut market, batch).expect("top up");
    market.chain.pass(101);
    market.poke_lot(batch, 0).expect("no verdict came");
    let raised = Terms { reward: Amount(RAISED), ..scored.clone() };
    let left = adjudicator_bond(&raised) - adjudicator_part(&scored, 3);
    assert_eq!(market.view_batch(batch).open.expect("open").progress.bond, Amount(left));
    assert_eq!(market.balance("a.near"), 3 * R);
}

#[test]
fn raise__should_leave_deposits_and_fees_of_an_appeal_as_they_were() {
    // Given a wrong result that may be challenged, and a reward that has risen since
    let (mut market, batch) = funded(9, 6, |terms| {
        terms.challenge_window_s = 1_000;
    });
    market.fund("i.near", 10_u128.pow(6));
    let old = market.view_batch(batch).open.expect("open").terms;
    market.round(batch, 0, &[("a.near", &WRONG), ("b.near", &WRONG), ("c.near", &WRONG)]);
    raise(&mut market, batch, RAISED).expect("raise");

    // When it is challenged, then the deposit is 5.5 of its own rewards
    let before = market.balance("i.near");
    let args = ChallengeArgs { batch, lot: LotId(0), items: vec![0], ..ChallengeArgs::default() };
    market.call("i.near", 1, |engine| engine.challenge(&args)).expect("challenge");
    assert_eq!(before - market.balance("i.near"), challenge_deposit(&old, 3, 1));

    // And jurors earn and bond by it
    market.chain.pass(1_001);
    market.poke_lot(batch, 0).expect("jury");
    market.chain.pass(61);
    market.op("d.near", Op::Draw { batch, at: At::Lot(LotId(0)) }).expect("draw");
    market.chain.pass(600);
    let jurors = &NODES[3..8];
    jurors.iter().for_each(|juror| market.claim(juror, batch, 0).expect("claim"));
    let fixed = market.view_batch(batch).open.expect("open").fixed;
    assert_eq!(market.node("d.near").bonded.0, piecework_interface::dispute::juror_bond(&old, &fixed, 3, 1));
    jurors.iter().for_each(|juror| market.commit(juror, batch, 0, &[1]).expect("commit"));
    jurors.iter().for_each(|juror| market.reveal(juror, batch, 0, &[1]).expect("reveal"));
    let ruled = market.chain.poke(&[Target::Lot(batch, LotId(0))]).expect("ruled");
    check(&market.chain);
    let fees = ruled.iter().find_map(|entry| match entry {
        Entry::Ruled { jurors, .. } => Some(jurors.iter().map(|juror| juror.fee.0).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(fees.expect("ruled"), [R; 5]);
    assert_eq!(market.balance("i.near"), before, "its deposit is back whole");
}
