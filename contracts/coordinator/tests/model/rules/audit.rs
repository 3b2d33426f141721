//! The findings of the audit of the rules before these, turned round: what each of them did is done here, and must not pay. Finding
//! 4 and 20 are in `classes`, 8 in `treasury`, 13 in `adjudication`, 11 and 18 in `intents`, 15 in `json`.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount,
    call::{BatchCreateArgs, BatchSkipLotsArgs, BatchSpec},
    draw::At,
    event::Entry,
    ids::{AccountNo, BatchId, LotId},
    intent::Action,
    op::{Op, Target},
    skip::Skip,
    terms::{Terms, Verification},
    view::{BatchStatus, LotPhase},
};

use super::appeals::{F, FUNDS, JURORS, R, challenge, jury, near, open_jury, provisional, settled};
use crate::{
    chain::{Call, NEAR},
    market::{Market, NODES, REQUESTER, drawn, terms},
    sign::{Wallet, intent, transfer},
};

const THREE: [&str; 3] = ["a.near", "b.near", "c.near"];

#[test]
fn audit_1__should_leave_known_answers_without_effect_on_pay() {
    // Given a root that commits to answers of one own seat: the contract keeps it in its line and nowhere else
    let mut market = Market::new(9);
    let now = market.chain.now();
    let batch = market.batch_of(BatchSpec { gold_root: [7; 32], ..Market::spec(terms(now), 3) });
    let told = market
        .chain
        .lines
        .last()
        .expect("line")
        .log
        .iter()
        .any(|entry| matches!(entry, Entry::BatchCreated { gold_root, .. } if *gold_root == [7; 32]));
    assert!(told);
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 0, &[("a.near", b"abc"), ("b.near", b"abc"), ("c.near", b"xyz")]);
    // Then who agrees is paid, who dissents is not, and no call of the requester changes that.
    assert_eq!(THREE.map(|node| market.balance(node)), [3 * R, 3 * R, 0]);
}

#[test]
fn audit_1b_1c__should_run_the_extension_of_a_batch_that_is_cancelled() {
    // Given a dissenter of the requester's, and a cancel as soon as the extension opens
    let (mut market, batch) = drawn(9, 3, |terms| terms.quorum_pct = 70);
    market.round(batch, 0, &[("a.near", b"abc"), ("b.near", b"abc"), ("c.near", b"xyz")]);
    market.cancel(batch).expect("cancel");
    // Then nothing is due before its clock is over, and three others decide
    assert!(market.poke_lot(batch, 0).is_err());
    market.draw("d.near", batch, At::Lot(LotId(0)));
    market.round(batch, 0, &[("d.near", b"abc"), ("e.near", b"abc"), ("f.near", b"abc")]);
    assert_eq!(["a.near", "b.near", "c.near", "d.near"].map(|node| market.balance(node)), [3 * R, 3 * R, 0, 1_500]);
    assert!(market.node("c.near").stake.0 < 10 * NEAR);

    // And expiry ends it as little.
    let (mut market, batch) = drawn(9, 3, |terms| terms.expires_at = terms.expires_at - 100_000 + 150);
    market.round(batch, 0, &[("a.near", b"abc"), ("b.near", b"xyz"), ("c.near", b"123")]);
    market.chain.pass(200);
    market.draw("d.near", batch, At::Lot(LotId(0)));
    market.round(batch, 0, &[("d.near", b"abc"), ("e.near", b"abc"), ("f.near", b"abc")]);
    assert_eq!(market.balance("a.near"), 3 * R);
}

#[test]
fn audit_2__should_send_two_copies_that_differ_to_an_extension() {
    let (mut market, batch) = drawn(9, 3, |terms| (terms.start, terms.quorum_pct) = (2, 100));
    market.round(batch, 0, &[("a.near", b"abc"), ("c.near", b"xyz")]);
    assert_eq!(market.lot(batch, 0).expect("lot").round, 1);
    let mut alone = market.clone();
    market.draw("d.near", batch, At::Lot(LotId(0)));
    market.round(batch, 0, &[("d.near", b"abc"), ("e.near", b"abc"), ("f.near", b"abc")]);
    assert_eq!((market.balance("a.near"), market.balance("c.near")), (3 * R, 0));
    // And where nobody comes, both have half: the dissenter saves the requester no more than its own pay.
    alone.chain.pass(301);
    alone.poke_lot(batch, 0).expect("the extension ends");
    assert_eq!((alone.balance("a.near"), alone.balance("c.near")), (1_500, 1_500));
}

#[test]
fn audit_3_3b__should_have_no_pool_that_a_captured_jury_could_empty() {
    // Given a gang that works, challenges itself and sits on its own jury, in NEAR and tokens
    let (mut market, batch) = provisional([b"abc"; 3], |terms| (terms.bond_pct, terms.dissent_slash_pct) = (300, 100));
    let gang = ["a.near", "b.near", "c.near", "d.near", "e.near", "f.near", "g.near", "h.near", "i.near"];
    let wealth = |market: &Market| -> (u128, u128) {
        let near = gang.iter().map(|who| near(market, who) + market.node(who).stake.0).sum();
        (near, gang.iter().map(|who| market.balance(who)).sum())
    };
    let before = wealth(&market);
    let escrow = market.view_batch(batch).open.expect("open").escrow.0;
    challenge(&mut market, "i.near", batch, &[0, 1, 2]).expect("challenge");
    jury(&mut market, batch, [Some(b"zzz"); 5]);
    let after = wealth(&market);
    // Then it has less NEAR than before, and no more tokens than the lot's own escrow.
    assert!(after.0 < before.0, "{after:?} {before:?}");
    assert!(after.1 - before.1 <= escrow);
}

#[test]
fn audit_4__should_bound_what_a_captured_jury_takes_to_the_dissent_slash() {
    let (mut market, batch) = provisional([b"abc"; 3], |terms| (terms.bond_pct, terms.dissent_slash_pct) = (200, 50));
    challenge(&mut market, "i.near", batch, &[0, 1, 2]).expect("challenge");
    let (pays, slashes) = settled(&jury(&mut market, batch, [Some(b"zzz"); 5]));
    // An honest worker loses its pay and half of its bond; five times a lot's worth it was.
    assert_eq!((&pays[..3], &slashes[..3]), (&[0; 3][..], &[3 * F; 3][..]));
}

#[test]
fn audit_5__should_let_no_intent_fail_those_beside_it() {
    // Given an intent whose batch names an adjudicator that does not exist, one whose lot does not, one with 255 copies, and
    // a good one
    let mut market = Market::new(1);
    let alice = Wallet::new(1);
    let who = alice.implicit();
    market.chain.storage_deposit(&who, NEAR).expect("account");
    market.fund(&who, 10_000_000);
    let now = market.chain.now();
    let verification = Verification::Adjudicated { adjudicator: AccountNo(99), verdict_ttl_s: 500 };
    let spec = Market::spec(Terms { verification, challenge_window_s: 500, ..terms(now) }, 1);
    let token = market.token;
    let batch = Action::CreateBatch(BatchCreateArgs { token, batch: spec });
    let strange = piecework_interface::call::ChallengeArgs { batch: BatchId(9), items: vec![0], ..Default::default() };
    let challenge = Action::Challenge(piecework_interface::intent::Challenge { token, challenge: strange });
    let many = Market::spec(Terms { start: 255, ..terms(now) }, 1);
    let many = Action::CreateBatch(BatchCreateArgs { token, batch: many });
    let sign = |kind, number| alice.sign(&intent(&who, now + 600, kind), number);
    let intents = [sign(batch, 1), sign(challenge, 2), sign(many, 3), sign(transfer("a.near", token, 5), 4)];
    let entries = market.chain.execute(&intents).expect("executed");
    let outcomes: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Intent { failed, .. } => Some(*failed),
            _ => None,
        })
        .collect();
    assert_eq!(outcomes, [Some(Skip::Terms), Some(Skip::Lot), Some(Skip::Terms), None]);
    assert_eq!(market.balance("a.near"), 5);
}

#[test]
fn audit_5__should_leave_a_lot_as_it_is_when_a_challenge_of_it_fails() {
    // Given a lot that a node works on, and a stranger who signs a challenge of it
    let (mut market, batch) = drawn(1, 3, |terms| (terms.start, terms.challenge_window_s) = (1, 0));
    let stranger = Wallet::new(1);
    let who = stranger.implicit();
    market.chain.storage_deposit(&who, NEAR).expect("account");
    market.claim("a.near", batch, 0).expect("claim");
    let (token, now) = (market.token, market.chain.now());
    let challenge = piecework_interface::call::ChallengeArgs { batch, items: vec![0], ..Default::default() };
    let action = Action::Challenge(piecework_interface::intent::Challenge { token, challenge });
    let intents = [stranger.sign(&intent(&who, now + 600, action), 1)];
    // Then the intent fails alone, and the node commits, reveals and is paid
    market.chain.execute(&intents).expect("executed");
    assert_eq!(market.lot(batch, 0).expect("lot").slots.len(), 1);
    market.commit("a.near", batch, 0, &[1, 2, 3]).expect("commit");
    market.reveal("a.near", batch, 0, &[1, 2, 3]).expect("reveal");
    assert_eq!(market.balance("a.near"), 3_000);
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
}

#[test]
fn audit_6__should_leave_later_rounds_time_for_twenty_slices() {
    // Given the longest slices beside the shortest reservations
    let mut market = Market::new(9);
    let now = market.chain.now();
    let slow = Terms { claim_ttl_s: 60, slice_s: 3_600, ..terms(now) };
    let batch = market.batch(Terms { expires_at: now + 1_000_000, ..slow }, 1);
    market.chain.pass(3_600);
    market.op("a.near", Op::Draw { batch, at: At::Group(0) }).expect("draw");
    market.chain.pass(5 * 3_600);
    market.round(batch, 0, &[("a.near", &[1]), ("b.near", &[2]), ("c.near", &[3])]);
    // Then the extension is drawn in a later slice, and lets everybody in before its clock is over.
    market.chain.pass(3_600);
    market.op("a.near", Op::Draw { batch, at: At::Lot(LotId(0)) }).expect("draw");
    market.chain.pass(5 * 3_600);
    market.round(batch, 0, &[("d.near", &[1]), ("e.near", &[1]), ("f.near", &[1])]);
    assert_eq!(market.balance("a.near"), R);
}

#[test]
fn audit_7__should_pay_nobody_for_stake_alone() {
    // Given fees: they are the treasury's, and no call pays them to whoever has most tickets
    let (mut market, batch) = drawn(3, 3, |_| {});
    market.round(batch, 0, &THREE.map(|node| (node, b"abc".as_slice())));
    market.register("a.near", 150 * NEAR).expect("a whale");
    let pool = market.chain.mirror.tokens[&market.token].pool.0;
    assert_eq!(pool, 450);
    assert!(matches!(market.chain.poke(&[Target::Token(market.token)]), Err(Error::NothingDue(_))));
    assert_eq!(market.balance("a.near"), 3 * R);
}

#[test]
fn audit_9__should_not_let_one_held_seat_stop_a_batch() {
    // Given the last lot of a group held by one node after another, and everything else done
    let mut market = Market::new(9);
    let now = market.chain.now();
    let held = Terms { start: 1, lot_size: 1, claim_ttl_s: 3_600, reveal_window_s: 400, ..terms(now) };
    let batch = market.batch(held, 96);
    market.draw("a.near", batch, At::Group(0));
    market.claim("i.near", batch, 31).expect("held");
    // Then the group behind it opens at once
    market.draw("a.near", batch, At::Group(1));
    for lot in 0..31 {
        market.round(batch, lot, &[(NODES[lot as usize % 8], b"x")]);
    }
    assert_eq!(market.op("a.near", Op::Draw { batch, at: At::Group(2) }), Err(Skip::DrawNotDue));
    // And giving the seat back just before the end costs nearly all of an abandoned one
    market.chain.pass(3_300);
    let before = market.node("i.near").stake.0;
    market.release("i.near", batch, 31).expect("release");
    assert!(before - market.node("i.near").stake.0 > F * 20 / 100 * 9 / 10);
    // And when the lot's clock is over, anybody moves the window past it, though the seat is held anew
    market.claim("h.near", batch, 31).expect("held");
    market.chain.pass(3 * 3_600);
    market.poke_lot(batch, 31).expect("passed");
    assert_eq!(market.op("a.near", Op::Draw { batch, at: At::Group(2) }), Ok(()));
    // While claims of the lot go on.
    assert_eq!(market.claim("g.near", batch, 31), Ok(()));
}

#[test]
fn audit_10__should_seat_no_party_on_its_own_jury() {
    // Given a requester that was a node before its lot began, and a node that has the challenger's operator
    let mut market = Market::new(9);
    market.register(REQUESTER, 10 * NEAR).expect("node");
    operate(&mut market, "h.near", "i.near");
    market.chain.pass(10);
    let batch = market.batch(Terms { challenge_window_s: 400, ..terms(market.chain.now()) }, 3);
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 0, &THREE.map(|node| (node, b"abc".as_slice())));
    market.fund("i.near", FUNDS);
    challenge(&mut market, "i.near", batch, &[0]).expect("challenge");

    // When its jury is drawn, then none of them sits on it, and others do
    open_jury(&mut market, batch);
    for party in ["i.near", "h.near", REQUESTER] {
        assert_eq!(market.claim(party, batch, 0), Err(Skip::Party), "{party}");
    }
    assert_eq!(market.claim("d.near", batch, 0), Ok(()));
}

/// The account becomes the node's operator.
fn operate(market: &mut Market, node: &str, operator: &str) {
    let args = piecework_interface::call::OperatorConfirmArgs { account_id: node.to_owned(), accept: true };
    market.call(node, 1, |engine| engine.node_operator(Some(operator.to_owned()))).expect("named");
    market.call(operator, 1, |engine| engine.operator_confirm(&args)).expect("confirmed");
}

#[test]
fn audit_12__should_give_the_deposit_back_when_silence_decides() {
    // Given three jurors for the challenge, and two friends of the loser who keep their seats empty or silent
    let (mut market, batch) = provisional([b"axc", b"axc", b"abc"], |_| {});
    challenge(&mut market, "i.near", batch, &[1]).expect("challenge");
    let entries = jury(&mut market, batch, [Some(b"b"), Some(b"b"), Some(b"b"), None, None]);
    assert_eq!(settled(&entries).1[6..], [3 * F, 3 * F]);
    assert_eq!(market.balance("i.near"), FUNDS);
}

#[test]
fn audit_14__should_count_quorum_of_the_seats_that_were_asked_for() {
    let (mut market, batch) = drawn(9, 3, |terms| (terms.start, terms.quorum_pct) = (5, 100));
    for node in ["a.near", "b.near", "c.near", "d.near", "e.near"] {
        market.claim(node, batch, 0).expect("claim");
    }
    market.commit("a.near", batch, 0, b"xxx").expect("commit");
    market.commit("b.near", batch, 0, b"xxx").expect("commit");
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("reveals");
    market.reveal("a.near", batch, 0, b"xxx").expect("reveal");
    let entries = market.work("b.near", vec![Market::reveal_op("b.near", batch, 0, b"xxx")]);
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Extended { items, .. } if items.0 == 0b111)));
    // And holding three of the seats cost a fifth of each bond.
    assert!(market.node("c.near").stake.0 < 10 * NEAR);
}

#[test]
fn audit_16__should_make_a_challenge_that_delays_pay_who_waits() {
    // Given a challenge of one item where no jury sits
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    challenge(&mut market, "i.near", batch, &[0]).expect("challenge");
    market.chain.pass(500);
    market.poke_lot(batch, 0).expect("the jury opens");
    market.chain.pass(1_200);
    market.poke_lot(batch, 0).expect("the jury ends");
    // Then half a reward of its deposit is shared by those who waited, and a jury's clock counts a day at most for a ttl.
    assert_eq!(FUNDS - market.balance("i.near"), 550);
    assert_eq!(THREE.map(|node| market.balance(node)), [3_000 + 550 / 3; 3]);
    assert_eq!(Terms { claim_ttl_s: 604_800, ..terms(0) }.clock_s(2), 3 * 86_400);
}

#[test]
fn audit_17__should_count_no_provisional_lot_against_a_newcomer() {
    let mut market = Market::new(9);
    let now = market.chain.now();
    let trap = Terms { reward: Amount(2), lot_size: 1, challenge_window_s: 90_000, ..terms(now) };
    let trap = market.batch(trap, 4);
    market.draw("a.near", trap, At::Group(0));
    for lot in 0..3 {
        market.round(trap, lot, &THREE.map(|node| (node, b"x".as_slice())));
        assert_eq!(market.lot(trap, lot).expect("lot").phase, LotPhase::Provisional);
    }
    let good = market.batch(terms(now), 3);
    market.draw("d.near", good, At::Group(0));
    for node in THREE {
        assert_eq!(market.claim(node, good, 0), Ok(()));
    }
}

#[test]
fn audit_19__should_ask_jurors_for_stake_that_was_there_before_the_lot() {
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    let remove = piecework_interface::call::StakeRemoveArgs { amount: None };
    market.call("d.near", 1, |engine| engine.stake_remove(remove)).expect("leaves");
    challenge(&mut market, "i.near", batch, &[0]).expect("challenge");
    open_jury(&mut market, batch);
    market.register("d.near", 10 * NEAR).expect("comes back for the jury");
    market.chain.pass(600);
    assert_eq!(market.claim("d.near", batch, 0), Err(Skip::NoJuror));
    assert_eq!(JURORS[0], "d.near");
}

#[test]
fn audit_21__should_pass_a_lot_that_nobody_can_do() {
    // Given a lot that every node tries and leaves
    let mut market = Market::new(3);
    let now = market.chain.now();
    let batch = market.batch(Terms { start: 1, lot_size: 1, ..terms(now) }, 96);
    market.draw("a.near", batch, At::Group(0));
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
        market.release(node, batch, 0).expect("leaves");
    }
    let others: Vec<_> = (1..32).map(LotId).collect();
    let skip = BatchSkipLotsArgs { batch, lots: others };
    market.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_skip_lots(skip)).expect("the others");
    assert_eq!(market.op("a.near", Op::Draw { batch, at: At::Group(2) }), Err(Skip::DrawNotDue));
    // When its clock is over, and no sooner, then anybody moves the window past it, and the batch's end closes it
    assert!(market.poke_lot(batch, 0).is_err(), "somebody may still come");
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("passed");
    assert_eq!(market.op("a.near", Op::Draw { batch, at: At::Group(2) }), Ok(()));
    assert!(market.poke_lot(batch, 0).is_err(), "once");
    // Its requester may close it at once.
    let mut other = market.clone();
    let skip = BatchSkipLotsArgs { batch, lots: vec![LotId(0)] };
    other.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_skip_lots(skip.clone())).expect("closed");
    let again = other.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_skip_lots(skip));
    assert!(matches!(again, Err(Error::NothingDue(_))), "{again:?}");
    market.cancel(batch).expect("cancel");
    market.poke_lot(batch, 0).expect("closed");
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
}
