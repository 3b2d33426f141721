//! Batches whose copies somebody scores, and what a closed batch tells.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    call::{BatchArgs, BatchSkipLotsArgs, BatchSpec, ChallengeArgs, OperatorConfirmArgs, ResultClaim, VerdictArgs},
    dispute::{OVERTURN, UPHOLD, adjudicator_bond, adjudicator_part, challenge_deposit},
    draw::At,
    event::Entry,
    host::sha256,
    ids::{BatchId, LotId},
    op::Target,
    skip::Skip,
    terms::{Terms, Verification},
    view::{BatchStatus, Callback, LotPhase},
};

use crate::{
    chain::{Call, NEAR},
    check::check,
    market::{Market, REQUESTER, terms},
};

const JUDGE: &str = "i.near";
const WINDOW: u32 = 500;
const VERDICT_TTL: u32 = 200;
/// Seconds after which a jury's bar is at one for nine tickets: its slices last a minute.
const JURY_BAR_S: u32 = 300;
/// Tokens of the adjudicator, and of a node.
const FUNDS: u128 = 1_000_000;

/// A batch of one lot of three items that `i.near` scores.
fn adjudicated() -> (Market, BatchId) {
    let mut market = Market::new(9);
    let verification =
        Verification::Adjudicated { adjudicator: market.chain.number(JUDGE), verdict_ttl_s: VERDICT_TTL };
    let terms = Terms { challenge_window_s: WINDOW, verification, ..terms(market.chain.now()) };
    for account in [JUDGE, "c.near"] {
        market.fund(account, FUNDS);
    }
    let batch = market.batch_of(Market::spec(terms, 3));
    (market, batch)
}

fn accept(market: &mut Market, who: &str, batch: BatchId) -> Result<(), Error> {
    market.call(who, 1, |engine| engine.adjudicator_accept(&BatchArgs { batch }))
}

fn resign(market: &mut Market, who: &str, batch: BatchId) -> Result<(), Error> {
    market.call(who, 1, |engine| engine.adjudicator_resign(&BatchArgs { batch }))
}

fn verdict(market: &mut Market, who: &str, batch: BatchId, scores: &[u16]) -> Result<(), Error> {
    let args = VerdictArgs { batch, lot: LotId(0), scores: scores.to_vec(), report: sha256(b"report") };
    market.call(who, 0, |engine| engine.verdict(args))
}

/// Such a batch, accepted and worked on: its lot waits for the verdict.
fn worked() -> (Market, BatchId) {
    let (mut market, batch) = adjudicated();
    accept(&mut market, JUDGE, batch).expect("accept");
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 0, &[("a.near", b"one"), ("b.near", b"two"), ("c.near", b"not")]);
    assert_eq!(market.lot(batch, 0).expect("lot").phase, LotPhase::Judging);
    (market, batch)
}

/// What the bond was, and what a lost lot takes of it.
fn bonds(market: &Market, batch: BatchId) -> (u128, u128) {
    let open = market.view_batch(batch).open.expect("open");
    (adjudicator_bond(&open.terms), adjudicator_part(&open.terms, open.terms.lot_size))
}

fn pays(entries: &[Entry]) -> Vec<u128> {
    let slots = entries.iter().find_map(|entry| match entry {
        Entry::Settled { slots, .. } => Some(slots),
        _ => None,
    });
    slots.expect("settled").iter().map(|slot| slot.pay.0).collect()
}

#[test]
fn adjudicated_batch__should_open_when_its_adjudicator_accepts_with_a_bond() {
    let (mut market, batch) = adjudicated();
    // Nobody may draw before.
    market.chain.pass(3);
    for group in 0..2 {
        let draw = piecework_interface::op::Op::Draw { batch, at: At::Group(group) };
        assert_eq!(market.op("a.near", draw), Err(Skip::Adjudicator));
    }
    assert_eq!(accept(&mut market, "a.near", batch), Err(Error::Caller("the batch's adjudicator")));
    let (bond, _) = bonds(&market, batch);
    accept(&mut market, JUDGE, batch).expect("accept");
    assert_eq!(market.balance(JUDGE), FUNDS - bond);
    assert!(matches!(accept(&mut market, JUDGE, batch), Err(Error::BatchState(..))));
    market.draw("a.near", batch, At::Group(0));

    // Once it resigned, no lot begins; its bond stays until the batch closes, and it may come back for nothing.
    assert_eq!(resign(&mut market, "a.near", batch), Err(Error::Caller("the batch's adjudicator")));
    resign(&mut market, JUDGE, batch).expect("resign");
    assert!(matches!(resign(&mut market, JUDGE, batch), Err(Error::BatchState(..))));
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::Adjudicator));
    accept(&mut market, JUDGE, batch).expect("accept");
    assert_eq!(market.balance(JUDGE), FUNDS - bond);
    assert_eq!(market.claim(JUDGE, batch, 0), Err(Skip::Party), "nobody scores its own work");
    assert_eq!(market.claim("a.near", batch, 0), Ok(()));
}

#[test]
fn verdict__should_pay_by_score_and_the_rest_to_the_treasury() {
    // Given full marks, half marks and none.
    let (mut market, batch) = worked();
    assert!(matches!(verdict(&mut market, "a.near", batch, &[0; 3]), Err(Error::Caller(_))));
    assert!(matches!(verdict(&mut market, JUDGE, batch, &[0; 2]), Err(Error::Input(_))));
    assert!(matches!(verdict(&mut market, JUDGE, batch, &[10_001, 0, 0]), Err(Error::Input(_))));
    verdict(&mut market, JUDGE, batch, &[10_000, 5_000, 0]).expect("verdict");
    assert!(matches!(verdict(&mut market, JUDGE, batch, &[0; 3]), Err(Error::Lot(_))), "once");
    market.chain.pass(WINDOW);
    let entries = market.poke_lot(batch, 0).expect("settle");
    // Then each is paid its part, and attack 27 gains nothing: what is withheld is not the requester's.
    assert_eq!(pays(&entries), [3_000, 1_500, 0]);
    let moved = entries.iter().find_map(|entry| match entry {
        Entry::Settled { fee, refund, .. } => Some((fee.0, refund.0)),
        _ => None,
    });
    assert_eq!(moved, Some((4_500 + 225, 225)));
    // The adjudicator has its bond back, and the class knows who was good.
    assert_eq!(market.balance(JUDGE), FUNDS);
    let reputation = |node: &str| market.node(node).classes[0].reputation;
    assert!(reputation("a.near") > reputation("b.near") && reputation("b.near") > reputation("c.near"));
}

#[test]
fn attack_27__should_pay_in_full_when_the_adjudicator_is_silent() {
    let (mut market, batch) = worked();
    let (bond, part) = bonds(&market, batch);
    market.chain.pass(VERDICT_TTL - 1);
    assert!(market.poke_lot(batch, 0).is_err());
    market.chain.pass(1);
    let late = VerdictArgs { batch, lot: LotId(0), scores: vec![0; 3], report: [0; 32] };
    assert!(matches!(market.call(JUDGE, 0, |engine| engine.verdict(late)), Err(Error::Lot(_))), "too late");
    let entries = market.poke_lot(batch, 0).expect("settle");
    assert_eq!(pays(&entries), [3_000; 3]);
    // And its silence costs the lot's part of its bond, which is the treasury's.
    assert_eq!(market.balance(JUDGE), FUNDS - part);
    assert_eq!(market.chain.mirror.tokens[&market.token].pool.0, part + 450);
    assert_eq!((part, bond), (16_500, 4 * part));
}

/// Contests the scores; the jury of those who did no work says `answer`.
fn contested(market: &mut Market, batch: BatchId, answer: u8) -> Vec<Entry> {
    let args = ChallengeArgs { batch, lot: LotId(0), items: vec![0], evidence: [0; 32] };
    market.call("c.near", 1, |engine| engine.challenge(&args)).expect("challenge");
    market.chain.pass(WINDOW);
    market.poke_lot(batch, 0).expect("the jury opens");
    market.chain.pass(60);
    market.op("h.near", piecework_interface::op::Op::Draw { batch, at: At::Lot(LotId(0)) }).expect("draw");
    market.chain.pass(JURY_BAR_S);
    for party in ["c.near", JUDGE] {
        let refused = market.claim(party, batch, 0);
        assert!(matches!(refused, Err(Skip::Party)), "{party}: {refused:?}");
    }
    let jurors = ["d.near", "e.near", "f.near", "g.near", "h.near"];
    let votes: Vec<_> = jurors.iter().map(|juror| (*juror, std::slice::from_ref(&answer))).collect();
    market.round(batch, 0, &votes);
    market.poke_lot(batch, 0).expect("the jury ends")
}

#[test]
fn adjudicator__should_have_its_operator_recorded_whatever_was_skipped_before() {
    // Given a batch of two groups, whose requester skips the first group before the adjudicator accepts
    let (mut market, _) = adjudicated();
    let verification =
        Verification::Adjudicated { adjudicator: market.chain.number(JUDGE), verdict_ttl_s: VERDICT_TTL };
    let terms = Terms { challenge_window_s: WINDOW, lot_size: 1, verification, ..terms(market.chain.now()) };
    let batch = market.batch_of(Market::spec(terms, 34));
    let lots = (0..32).map(LotId).collect();
    market.call(REQUESTER, 1, |engine| engine.batch_skip_lots(BatchSkipLotsArgs { batch, lots })).expect("skipped");
    assert_eq!(market.view_batch(batch).open.expect("open").progress.adjudicator_operator, None);

    // Then it has its operator from its acceptance on, in contract and mirror
    accept(&mut market, JUDGE, batch).expect("accept");
    let judge = market.chain.number(JUDGE);
    assert_eq!(market.view_batch(batch).open.expect("open").progress.adjudicator_operator, Some(judge));
    check(&market.chain);
}

#[test]
fn adjudicator__should_keep_the_operator_of_its_first_acceptance() {
    // Given an adjudicator and a node of one operator, and a challenge of its scores
    let (mut market, batch) = adjudicated();
    market.chain.storage_deposit("firm.near", NEAR).expect("storage");
    for node in [JUDGE, "d.near"] {
        market.call(node, 1, |engine| engine.node_operator(Some("firm.near".to_owned()))).expect("named");
        let args = OperatorConfirmArgs { account_id: node.to_owned(), accept: true };
        market.call("firm.near", 1, |engine| engine.operator_confirm(&args)).expect("confirmed");
    }
    accept(&mut market, JUDGE, batch).expect("accept");
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 0, &[("a.near", b"one"), ("b.near", b"two"), ("c.near", b"not")]);
    verdict(&mut market, JUDGE, batch, &[0; 3]).expect("verdict");
    let args = ChallengeArgs { batch, lot: LotId(0), items: vec![0], evidence: [0; 32] };
    market.call("c.near", 1, |engine| engine.challenge(&args)).expect("challenge");
    // When it drops its operator and accepts again
    market.call(JUDGE, 1, |engine| engine.node_operator(None)).expect("dropped");
    resign(&mut market, JUDGE, batch).expect("resign");
    accept(&mut market, JUDGE, batch).expect("accept");
    // Then the operator's node is still no juror of its scores
    market.chain.pass(WINDOW);
    market.poke_lot(batch, 0).expect("the jury opens");
    market.chain.pass(60);
    market.op("h.near", piecework_interface::op::Op::Draw { batch, at: At::Lot(LotId(0)) }).expect("draw");
    market.chain.pass(JURY_BAR_S);
    assert_eq!(market.claim("d.near", batch, 0), Err(Skip::Party));
}

#[test]
fn attack_27__should_pay_in_full_and_cost_the_adjudicator_when_a_jury_overturns_its_scores() {
    let (mut market, batch) = worked();
    let (_, part) = bonds(&market, batch);
    verdict(&mut market, JUDGE, batch, &[0; 3]).expect("verdict");
    let entries = contested(&mut market, batch, OVERTURN);
    assert_eq!(pays(&entries)[..3], [3_000; 3]);
    assert_eq!(market.balance(JUDGE), FUNDS - part);
    // A lot's part of the bond pays five jurors, and a tenth of them to the challenger.
    assert_eq!(market.balance("c.near"), FUNDS + 3_000 + 1_500);
    assert_eq!(["d.near", "h.near"].map(|juror| market.balance(juror)), [3_000; 2]);
}

#[test]
fn scores__should_hold_when_a_jury_upholds_them() {
    let (mut market, batch) = worked();
    verdict(&mut market, JUDGE, batch, &[10_000, 10_000, 0]).expect("verdict");
    let open = market.view_batch(batch).open.expect("open");
    let deposit = challenge_deposit(&open.terms, 3, 1);
    let entries = contested(&mut market, batch, UPHOLD);
    assert_eq!(pays(&entries)[..3], [3_000, 3_000, 0]);
    // What the jury leaves of the deposit is shared by who did the work, the loser too.
    assert_eq!((market.balance(JUDGE), market.balance("c.near")), (FUNDS, FUNDS - deposit + 500));
    assert_eq!(market.balance("a.near"), 3_500);
}

#[test]
fn report__should_be_provable_against_the_results_root() {
    let (mut market, batch) = worked();
    verdict(&mut market, JUDGE, batch, &[10_000; 3]).expect("verdict");
    market.chain.pass(WINDOW);
    market.poke_lot(batch, 0).expect("settle");
    let claim = |answers: &[u8]| ResultClaim { batch, answers: answers.to_vec(), ..ResultClaim::default() };
    let holds = |claim| market.chain.view(|mut engine| engine.view_verify_result(&claim)).expect("view");
    assert!(holds(claim(b"report")));
    assert!(!holds(claim(b"another")));
}

#[test]
fn adjudicated_batch__should_close_when_nobody_accepts() {
    let (mut market, batch) = adjudicated();
    market.cancel(batch).expect("cancel");
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
    assert!(matches!(accept(&mut market, JUDGE, batch), Err(Error::BatchState(..))));
}

#[test]
fn adjudicated_terms__should_be_checked() {
    let mut market = Market::new(1);
    let adjudicator = market.chain.number("a.near");
    let now = market.chain.now();
    let mut create = |adjudicator, verdict_ttl_s, change: &dyn Fn(&mut Terms)| {
        let verification = Verification::Adjudicated { adjudicator, verdict_ttl_s };
        let mut terms = Terms { challenge_window_s: WINDOW, verification, ..terms(now) };
        change(&mut terms);
        market.create(terms, 3)
    };
    let unknown = piecework_interface::ids::AccountNo(99);
    assert!(matches!(create(unknown, VERDICT_TTL, &|_| {}), Err(Error::Account(_))));
    assert!(matches!(create(adjudicator, 1, &|_| {}), Err(Error::Terms(_))));
    assert!(matches!(create(adjudicator, VERDICT_TTL, &|terms| terms.challenge_window_s = 0), Err(Error::Terms(_))));
}

#[test]
fn audit_13__should_void_scores_once_the_bond_does_not_cover_a_lot() {
    // Given an adjudicator whose bond four lost lots used up, and a fifth that it scores with nothing
    let mut market = Market::new(9);
    let adjudicator = market.chain.number(JUDGE);
    market.fund(JUDGE, FUNDS);
    let verification = Verification::Adjudicated { adjudicator, verdict_ttl_s: VERDICT_TTL };
    let now = market.chain.now();
    let terms = Terms { challenge_window_s: WINDOW, verification, start: 1, reveal_window_s: 50, ..terms(now) };
    let batch = market.batch_of(Market::spec(terms, 18));
    accept(&mut market, JUDGE, batch).expect("accept");
    market.draw("a.near", batch, At::Group(0));
    for lot in 0..5 {
        market.round(batch, lot, &[("a.near", b"one")]);
    }
    let args = VerdictArgs { batch, lot: LotId(4), scores: vec![0], report: [1; 32] };
    market.call(JUDGE, 0, |engine| engine.verdict(args)).expect("verdict");
    market.chain.pass(VERDICT_TTL);
    for lot in 0..4 {
        market.poke_lot(batch, lot).expect("late");
    }
    let progress = market.view_batch(batch).open.expect("open").progress;
    assert_eq!(progress.bond.0, 0);

    // Then the scored lot is paid in full when its window ends, and no lot begins before the bond is filled up.
    assert_eq!(market.claim("a.near", batch, 5), Err(Skip::Adjudicator));
    market.chain.pass(WINDOW);
    let entries = market.poke_lot(batch, 4).expect("settle");
    assert_eq!(pays(&entries), [3_000]);
    accept(&mut market, JUDGE, batch).expect("four parts again");
    assert_eq!(market.claim("b.near", batch, 5), Ok(()));
}

#[test]
fn verdict__should_wait_for_a_bond_that_covers_a_lot() {
    // Given an adjudicator whose bond four lost lots used up, and a lot whose reveals are done
    let (mut market, batch) = bankrupt();

    // When it scores that lot with nothing, then that is refused, and the copies are paid in full at once
    assert!(matches!(verdict_on(&mut market, batch, 4), Err(Error::Lot(_))));
    assert_eq!(pays(&market.poke_lot(batch, 4).expect("settle")), [3_000]);

    // And one that fills its bond up first may score
    let (mut market, batch) = bankrupt();
    accept(&mut market, JUDGE, batch).expect("four parts again");
    verdict_on(&mut market, batch, 4).expect("verdict");
}

fn verdict_on(market: &mut Market, batch: BatchId, lot: u32) -> Result<(), Error> {
    let args = VerdictArgs { batch, lot: LotId(lot), scores: vec![0], report: [1; 32] };
    market.call(JUDGE, 0, |engine| engine.verdict(args))
}

/// A batch in which the adjudicator gave no verdict on four lots in time, and may still give one on a fifth.
fn bankrupt() -> (Market, BatchId) {
    let mut market = Market::new(9);
    let adjudicator = market.chain.number(JUDGE);
    market.fund(JUDGE, FUNDS);
    let verification = Verification::Adjudicated { adjudicator, verdict_ttl_s: VERDICT_TTL };
    let terms =
        Terms { challenge_window_s: WINDOW, verification, start: 1, reveal_window_s: 50, ..terms(market.chain.now()) };
    let batch = market.batch_of(Market::spec(terms, 18));
    accept(&mut market, JUDGE, batch).expect("accept");
    market.draw("a.near", batch, At::Group(0));
    (0..4).for_each(|lot| market.round(batch, lot, &[("a.near", b"one")]));
    market.chain.pass(VERDICT_TTL);
    market.round(batch, 4, &[("a.near", b"one")]);
    for lot in 0..4 {
        market.poke_lot(batch, lot).expect("late");
    }
    (market, batch)
}

#[test]
fn scores__should_settle_at_once_and_slash_nobody_where_no_jury_could_sit() {
    // Given a class of three nodes, where a jury takes five
    let mut market = Market::new(3);
    let adjudicator = market.chain.number("c.near");
    market.fund("c.near", FUNDS);
    let verification = Verification::Adjudicated { adjudicator, verdict_ttl_s: VERDICT_TTL };
    let now = market.chain.now();
    let batch =
        market.batch_of(Market::spec(Terms { challenge_window_s: WINDOW, start: 2, verification, ..terms(now) }, 3));
    accept(&mut market, "c.near", batch).expect("accept");
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 0, &[("a.near", b"one"), ("b.near", b"two")]);
    verdict(&mut market, "c.near", batch, &[10_000, 0]).expect("verdict");
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
    assert_eq!((market.balance("a.near"), market.balance("b.near")), (3_000, 0));
    assert_eq!(market.node("b.near").stake.0, 10 * NEAR);
}

/// A closed batch that wants to tell `dapp.near`.
fn telling() -> (Market, BatchId) {
    let mut market = Market::new(3);
    let terms = terms(market.chain.now());
    let callback = Some(Callback { account_id: "dapp.near".to_owned(), tgas: 20 });
    let batch = market.batch_of(BatchSpec { callback, ..Market::spec(terms, 3) });
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 0, &[("a.near", b"abc"), ("b.near", b"abc"), ("c.near", b"abc")]);
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
    (market, batch)
}

#[test]
fn callback__should_be_sent_once_by_whoever_pokes_the_closed_batch() {
    let (mut market, batch) = telling();
    let tells = market.call("keeper.near", 0, |engine| engine.poke(&[Target::Batch(batch)])).expect("poke");
    let closed = market.view_batch(batch);
    assert_eq!((tells.len(), tells[0].settled, tells[0].root), (1, 1, closed.results_root));
    assert_eq!((&tells[0].callback.account_id[..], tells[0].gas()), ("dapp.near", 20_000_000_000_000));
    let again = market.call("keeper.near", 0, |engine| engine.poke(&[Target::Batch(batch)]));
    assert!(matches!(again, Err(Error::NothingDue(_))));
}

#[test]
fn callback__should_wait_for_a_poke_with_gas_for_it() {
    let (mut market, batch) = telling();
    let call = Call { gas: 22_999_999_999_999, ..Call::by("keeper.near") };
    let poor = market.chain.call(call, |engine| engine.poke(&[Target::Batch(batch)]));
    assert!(matches!(poor, Err(Error::NothingDue(_))));
    let call = Call { gas: 23_000_000_000_000, ..call };
    assert_eq!(market.chain.call(call, |engine| engine.poke(&[Target::Batch(batch)])).expect("poke").len(), 1);
}

#[test]
fn callback__should_name_an_account_and_modest_gas() {
    let mut market = Market::new(1);
    let terms = terms(market.chain.now());
    for (account_id, tgas) in [("Not An Account", 20), ("dapp.near", 4), ("dapp.near", 101)] {
        let callback = Some(Callback { account_id: account_id.to_owned(), tgas });
        let batch = BatchSpec { callback, ..Market::spec(terms.clone(), 3) };
        let message = piecework_interface::call::DepositMessage::CreateBatch(batch);
        let result = market.chain.transfer_call(crate::market::TOKEN, REQUESTER, 10_u128.pow(12), message);
        assert!(matches!(result, Err(Error::Batch(_))), "{account_id} {tgas}");
    }
}
