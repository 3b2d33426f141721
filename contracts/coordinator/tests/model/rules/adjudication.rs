//! Batches whose copies somebody scores, and what a closed batch tells.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    call::{BatchArgs, BatchSpec, ChallengeArgs, ResultClaim, VerdictArgs},
    dispute::{OVERTURN, UPHOLD, adjudicator_bond, challenge_bond},
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
    market::{Market, terms},
};

const JUDGE: &str = "i.near";
const WINDOW: u32 = 500;
const VERDICT_TTL: u32 = 200;

/// A batch of one lot of three items that `i.near` scores.
fn adjudicated() -> (Market, BatchId) {
    let mut market = Market::new(9);
    let verification =
        Verification::Adjudicated { adjudicator: market.chain.number(JUDGE), verdict_ttl_s: VERDICT_TTL };
    let terms = Terms { max: 3, challenge_window_s: WINDOW, verification, ..terms(market.chain.now()) };
    let batch = market.batch_of(Market::spec(terms, 3));
    (market, batch)
}

fn accept(market: &mut Market, who: &str, batch: BatchId) -> Result<(), Error> {
    market.call(who, NEAR, |engine| engine.adjudicator_accept(&BatchArgs { batch }))
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
    let bond = adjudicator_bond(&open.terms, &open.fixed);
    (bond, bond / 4)
}

fn near(market: &Market, who: &str) -> u128 {
    let account = market.account(who);
    account.balances.iter().find(|balance| balance.token.0 == 0).map_or(0, |balance| balance.amount.0)
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
        assert_eq!(market.op("a.near", draw), Err(Skip::DrawNotDue));
    }
    assert_eq!(accept(&mut market, "a.near", batch), Err(Error::Caller("the batch's adjudicator")));
    let (bond, _) = bonds(&market, batch);
    accept(&mut market, JUDGE, batch).expect("accept");
    assert_eq!(near(&market, JUDGE), NEAR - bond);
    assert!(matches!(accept(&mut market, JUDGE, batch), Err(Error::BatchState(..))));
    market.draw("a.near", batch, At::Group(0));
}

#[test]
fn verdict__should_pay_by_score_and_the_rest_to_the_fee_pool() {
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
    assert_eq!(moved, Some((9_000 * 105 / 100 - 4_500, 0)));
    // The adjudicator has its bond back, and the class knows who was good.
    assert_eq!(near(&market, JUDGE), NEAR);
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
    let entries = market.poke_lot(batch, 0).expect("settle");
    assert_eq!(pays(&entries), [3_000; 3]);
    // And its silence costs a part of its bond.
    assert_eq!(near(&market, JUDGE), NEAR - part);
    assert_eq!(market.chain.view(|engine| engine.view_root()).insurance.0, part);
    assert_eq!(bond, 4 * part);
}

/// Contests the scores; the jury of those who did no work says `answer`.
fn contested(market: &mut Market, batch: BatchId, answer: u8) -> Vec<Entry> {
    let args = ChallengeArgs { batch, lot: LotId(0), items: vec![0] };
    market.call("c.near", NEAR, |engine| engine.challenge(&args)).expect("challenge");
    market.chain.pass(WINDOW);
    market.poke_lot(batch, 0).expect("the jury opens");
    market.draw("h.near", batch, At::Lot(LotId(0)));
    let jurors = ["d.near", "e.near", "f.near", "g.near", "h.near"];
    let votes: Vec<_> = jurors.iter().map(|juror| (*juror, std::slice::from_ref(&answer))).collect();
    market.round(batch, 0, &votes);
    market.poke_lot(batch, 0).expect("the jury ends")
}

#[test]
fn attack_27__should_pay_in_full_and_cost_the_adjudicator_when_a_jury_overturns_its_scores() {
    let (mut market, batch) = worked();
    let (_, part) = bonds(&market, batch);
    verdict(&mut market, JUDGE, batch, &[0; 3]).expect("verdict");
    let entries = contested(&mut market, batch, OVERTURN);
    assert_eq!(pays(&entries)[..3], [3_000; 3]);
    assert_eq!(near(&market, JUDGE), NEAR - part);
    // A lot's part of the bond is exactly what five jurors cost.
    assert_eq!(near(&market, "c.near"), NEAR);
    assert_eq!(["d.near", "h.near"].map(|juror| 5 * near(&market, juror)), [part; 2]);
}

#[test]
fn scores__should_hold_when_a_jury_upholds_them() {
    let (mut market, batch) = worked();
    verdict(&mut market, JUDGE, batch, &[10_000, 10_000, 0]).expect("verdict");
    let open = market.view_batch(batch).open.expect("open");
    let bond = challenge_bond(&open.terms, &open.fixed, 3, 1);
    let entries = contested(&mut market, batch, UPHOLD);
    assert_eq!(pays(&entries)[..3], [3_000, 3_000, 0]);
    assert_eq!((near(&market, JUDGE), near(&market, "c.near")), (NEAR, NEAR - bond));
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
        let mut terms = Terms { max: 3, challenge_window_s: WINDOW, verification, ..terms(now) };
        change(&mut terms);
        market.create(terms, 3)
    };
    let unknown = piecework_interface::ids::AccountNo(99);
    assert!(matches!(create(unknown, VERDICT_TTL, &|_| {}), Err(Error::Account(_))));
    assert!(matches!(create(adjudicator, 1, &|_| {}), Err(Error::Terms(_))));
    assert!(matches!(create(adjudicator, VERDICT_TTL, &|terms| terms.max = 6), Err(Error::Terms(_))));
    assert!(matches!(create(adjudicator, VERDICT_TTL, &|terms| terms.challenge_window_s = 0), Err(Error::Terms(_))));
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
        let result =
            market.chain.transfer_call(crate::market::TOKEN, crate::market::REQUESTER, 10_u128.pow(12), message);
        assert!(matches!(result, Err(Error::Batch(_))), "{account_id} {tgas}");
    }
}
