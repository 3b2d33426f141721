//! Challenges and juries.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    call::{ChallengeArgs, NodeRegisterArgs, StakeRemoveArgs},
    dispute::challenge_deposit,
    draw::At,
    event::Entry,
    ids::{BatchId, ClassId, LotId},
    op::{Op, Target},
    skip::Skip,
    storage,
    terms::Terms,
    view::LotPhase,
};

use crate::{
    chain::{Call, NEAR},
    check::check,
    market::{Market, terms},
};

/// Seconds of the challenge window.
const WINDOW: u32 = 500;
/// Reward of an item, and what it is worth in yoctoNEAR.
pub const R: u128 = 1_000;
pub const F: u128 = R << 8;
/// Tokens of each challenger.
pub const FUNDS: u128 = 1_000_000;
const WORKERS: [&str; 3] = ["a.near", "b.near", "c.near"];
pub const JURORS: [&str; 5] = ["d.near", "e.near", "f.near", "g.near", "h.near"];

/// A lot of three items that is provisional after these answers. `i.near` and `g.near` have tokens.
pub fn provisional(answers: [&[u8; 3]; 3], change: impl FnOnce(&mut Terms)) -> (Market, BatchId) {
    let mut market = Market::new(9);
    let mut terms = Terms { challenge_window_s: WINDOW, ..terms(market.chain.now()) };
    change(&mut terms);
    for who in ["g.near", "h.near", "i.near"] {
        market.fund(who, FUNDS);
    }
    let batch = market.batch(terms, 3);
    market.draw("a.near", batch, At::Group(0));
    let answers: Vec<_> = WORKERS.iter().zip(answers).map(|(node, answers)| (*node, &answers[..])).collect();
    market.round(batch, 0, &answers);
    assert_eq!(market.lot(batch, 0).expect("lot").phase, LotPhase::Provisional);
    (market, batch)
}

pub fn challenge(market: &mut Market, who: &str, batch: BatchId, items: &[u8]) -> Result<(), Error> {
    let args = ChallengeArgs { batch, lot: LotId(0), items: items.to_vec(), evidence: [5; 32] };
    market.call(who, 1, |engine| engine.challenge(&args))
}

/// Ends the window, and waits until every node may take a seat of the jury.
pub fn open_jury(market: &mut Market, batch: BatchId) {
    market.chain.pass(WINDOW);
    market.poke_lot(batch, 0).expect("the jury opens");
    // A jury's slices last a minute.
    market.chain.pass(60);
    market.op("a.near", Op::Draw { batch, at: At::Lot(LotId(0)) }).expect("draw");
    market.chain.pass(300);
}

/// The jury sits: what each juror says of the challenged items, in their order; `None` keeps silent.
pub fn jury(market: &mut Market, batch: BatchId, votes: [Option<&[u8]>; 5]) -> Vec<Entry> {
    open_jury(market, batch);
    for juror in JURORS {
        market.claim(juror, batch, 0).expect("a seat");
    }
    for (juror, vote) in JURORS.iter().zip(votes) {
        market.commit(juror, batch, 0, vote.unwrap_or(b"?")).expect("commit");
    }
    for (juror, vote) in JURORS.iter().zip(votes) {
        if let Some(vote) = vote {
            market.reveal(juror, batch, 0, vote).expect("reveal");
        }
    }
    market.chain.pass(100);
    market.poke_lot(batch, 0).expect("the jury ends")
}

/// What was settled: pay per slot, slash per slot.
pub fn settled(entries: &[Entry]) -> (Vec<u128>, Vec<u128>) {
    let slots = entries.iter().find_map(|entry| match entry {
        Entry::Settled { slots, .. } => Some(slots),
        _ => None,
    });
    let slots = slots.expect("settled");
    (slots.iter().map(|slot| slot.pay.0).collect(), slots.iter().map(|slot| slot.slash.0).collect())
}

pub fn near(market: &Market, who: &str) -> u128 {
    let account = market.account(who);
    account.balances.iter().find(|balance| balance.token.0 == 0).map_or(0, |balance| balance.amount.0)
}

#[test]
fn challenge__should_overturn_a_wrong_result_and_cost_who_was_wrong() {
    // Given a lot on whose second item two of three were wrong
    let (mut market, batch) = provisional([b"axc", b"axc", b"abc"], |terms| {
        (terms.bond_pct, terms.dissent_slash_pct) = (200, 50);
    });
    challenge(&mut market, "i.near", batch, &[1]).expect("challenge");
    assert_eq!(market.balance("i.near"), FUNDS - 11 * R / 2);
    let burnt = market.chain.mirror.root.burnt.0;

    // When five jurors say so
    let entries = jury(&mut market, batch, [Some(b"b"); 5]);

    // Then who was right is paid, who was wrong loses f, and was slashed no more than the terms say
    let (pays, slashes) = settled(&entries);
    assert_eq!(pays[..3], [2 * R, 2 * R, 3 * R]);
    assert_eq!(slashes, [F, F, 0, 0, 0, 0, 0, 0]);
    // The escrow pays the jurors, the deposit is back, and the challenger has f of the slashes.
    assert_eq!(JURORS[..3].iter().map(|juror| market.balance(juror)).collect::<Vec<_>>(), [R; 3]);
    assert_eq!((market.balance("i.near"), near(&market, "i.near")), (FUNDS, F));
    assert_eq!(market.chain.mirror.root.burnt.0, burnt + F);
}

#[test]
fn challenge__should_pay_who_did_the_work_when_the_result_stands() {
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    challenge(&mut market, "i.near", batch, &[0]).expect("challenge");
    let entries = jury(&mut market, batch, [Some(b"a"), Some(b"a"), Some(b"a"), Some(b"x"), Some(b"x")]);
    // Five fees out of the deposit of 5.5 R; the rest is divided among three slots. Two against three lose nothing.
    assert_eq!(settled(&entries), (vec![3 * R, 3 * R, 3 * R, 0, 0, 0, 0, 0], vec![0; 8]));
    assert_eq!(market.balance("i.near"), FUNDS - 5_500);
    assert_eq!(WORKERS.map(|node| market.balance(node)), [3_166; 3]);
    assert_eq!(market.balance("d.near"), R);
}

#[test]
fn juror__should_lose_f_and_its_fee_against_four() {
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    challenge(&mut market, "i.near", batch, &[0, 2]).expect("challenge");
    let entries = jury(&mut market, batch, [Some(b"ac"), Some(b"ac"), Some(b"ac"), Some(b"ac"), Some(b"az")]);
    let (_, slashes) = settled(&entries);
    assert_eq!(slashes[3..], [0, 0, 0, 0, F]);
    assert_eq!((market.balance("d.near"), market.balance("h.near")), (2 * R, FUNDS + R));
}

#[test]
fn jury__should_decide_nothing_when_fewer_than_four_reveal() {
    let (mut market, batch) = provisional([b"axc", b"axc", b"abc"], |_| {});
    challenge(&mut market, "i.near", batch, &[1]).expect("challenge");
    // When three reveal, then the result stands, the deposit is back whole, and the silent pay the others.
    let entries = jury(&mut market, batch, [Some(b"b"), Some(b"b"), Some(b"b"), None, None]);
    let (pays, slashes) = settled(&entries);
    assert_eq!((&pays[..3], &slashes[3..]), (&[3 * R, 3 * R, 2 * R][..], &[0, 0, 0, 3 * F, 3 * F][..]));
    assert_eq!(market.balance("i.near"), FUNDS);
    assert_eq!((near(&market, "d.near"), near(&market, "g.near"), market.balance("d.near")), (F, 0, 0));
}

#[test]
fn jury__should_end_as_if_it_had_not_been_when_fewer_than_four_commit() {
    // Given a challenge on whose jury three sit
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    challenge(&mut market, "i.near", batch, &[0]).expect("challenge");
    open_jury(&mut market, batch);
    for juror in &JURORS[..3] {
        market.claim(juror, batch, 0).expect("a seat");
        market.commit(juror, batch, 0, b"a").expect("commit");
    }
    market.claim("g.near", batch, 0).expect("a seat that it leaves");
    let stake = market.node("g.near").stake.0;
    market.chain.pass(1_200);
    let entries = market.poke_lot(batch, 0).expect("the jury ends");
    // Then bonds are free, who held a seat pays f, and a tenth of the deposit is shared by who did the work.
    assert_eq!(settled(&entries).0, [3 * R; 3]);
    assert_eq!(market.balance("i.near"), FUNDS - 550);
    assert_eq!(market.balance("a.near"), 3 * R + 183);
    assert_eq!(market.node("d.near").bonded.0, 0);
    assert_eq!(stake - market.node("g.near").stake.0, F);
}

#[test]
fn jury__should_outlast_a_requester_who_cancels() {
    let (mut market, batch) = provisional([b"axc", b"axc", b"abc"], |_| {});
    challenge(&mut market, "i.near", batch, &[1]).expect("challenge");
    market.cancel(batch).expect("cancel");
    let entries = jury(&mut market, batch, [Some(b"b"); 5]);
    assert_eq!(settled(&entries).0[..3], [2 * R, 2 * R, 3 * R]);
}

#[test]
fn jurors__should_have_been_there_before_the_lot_and_be_no_party_of_it() {
    // Given a jury, and nodes whose stake rose or whose class is newer than the lot's first claim
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    challenge(&mut market, "i.near", batch, &[0]).expect("challenge");
    market.register("e.near", 10 * NEAR).expect("more tickets");
    let classes = |market: &mut Market, classes: Vec<u16>| {
        let classes = classes.into_iter().map(ClassId).collect();
        let args = NodeRegisterArgs { classes };
        market.call("f.near", 1, |engine| engine.node_update(args)).expect("classes");
    };
    classes(&mut market, vec![8]);
    classes(&mut market, vec![7]);
    open_jury(&mut market, batch);
    assert_eq!(market.claim("e.near", batch, 0), Err(Skip::NoJuror));
    assert_eq!(market.claim("f.near", batch, 0), Err(Skip::NoJuror));
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::Again), "it did the work");
    assert_eq!(market.claim("i.near", batch, 0), Err(Skip::Party), "it challenged");
    // A pause in between does not count.
    market.call("g.near", 0, |engine| engine.node_pause()).expect("pause");
    market.call("g.near", 0, |engine| engine.node_resume()).expect("resume");
    assert_eq!(market.claim("g.near", batch, 0), Ok(()));
}

#[test]
fn jury__should_answer_the_challenged_items_alone_and_let_four_of_five_decide_each() {
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    challenge(&mut market, "i.near", batch, &[2]).expect("challenge");
    challenge(&mut market, "h.near", batch, &[0]).expect("joins");
    open_jury(&mut market, batch);
    market.claim("d.near", batch, 0).expect("a seat");
    market.commit("d.near", batch, 0, b"az").expect("commit");
    assert_eq!(market.node("d.near").bonded.0, 2 * 3 * F, "3 f an item");
    assert_eq!(market.lot(batch, 0).expect("lot").judged_items(2, 3), 0b101);
}

#[test]
fn attack_34__should_take_each_item_once_and_only_in_the_window() {
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    let refused = |text| Err(Error::Lot(text));
    challenge(&mut market, "i.near", batch, &[0]).expect("challenge");
    assert_eq!(challenge(&mut market, "h.near", batch, &[0]), refused("name items that nobody has challenged yet"));
    assert_eq!(challenge(&mut market, "h.near", batch, &[]), refused("name items that nobody has challenged yet"));
    assert_eq!(challenge(&mut market, "h.near", batch, &[3]), refused("the lot has no such item"));
    challenge(&mut market, "h.near", batch, &[2]).expect("joins");
    // The deposit has to be in the balance, and a machine's key cannot spend it.
    assert!(matches!(challenge(&mut market, "d.near", batch, &[1]), Err(Error::Balance(_))));
    let args = ChallengeArgs { batch, lot: LotId(0), items: vec![1], evidence: [0; 32] };
    assert!(matches!(market.call("g.near", 0, |engine| engine.challenge(&args)), Err(Error::Deposit(_))));
    // And it is too late after the window.
    market.chain.pass(WINDOW);
    assert_eq!(challenge(&mut market, "g.near", batch, &[1]), refused("the lot's challenge window is over"));
    market.poke_lot(batch, 0).expect("the jury opens");
    assert!(matches!(challenge(&mut market, "g.near", batch, &[1]), Err(Error::Lot(_))));
}

#[test]
fn challenge__should_replace_a_smaller_one_and_keep_the_window_open() {
    // Given four challenges of a lot of eight items, the smallest of them of one item
    let mut market = Market::new(9);
    let now = market.chain.now();
    let batch = market.batch(Terms { lot_size: 8, challenge_window_s: WINDOW, ..terms(now) }, 8);
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 0, &WORKERS.map(|node| (node, [1, 2, 3, 4, 5, 6, 7, 8].as_slice())));
    let who = ["d.near", "e.near", "f.near", "g.near", "h.near", "i.near"];
    for (account, items) in who.iter().zip([&[0_u8][..], &[1], &[2, 3], &[4, 5]]) {
        market.fund(account, FUNDS);
        challenge(&mut market, account, batch, items).expect("challenge");
    }
    market.fund("i.near", FUNDS);
    let used = market.account("e.near").storage_used;
    market.chain.pass(WINDOW - 10);
    assert!(matches!(challenge(&mut market, "i.near", batch, &[6]), Err(Error::Lot(_))));

    // When one of two items comes ten seconds before the end, then the latest of the smallest goes, with its deposit
    challenge(&mut market, "i.near", batch, &[6, 7]).expect("replaces");
    assert_eq!((market.balance("d.near"), market.balance("e.near")), (FUNDS - 5_500, FUNDS));
    let bytes = storage::challenge_bytes(&market.view_batch(batch).open.expect("open").terms, 0b10);
    assert_eq!(market.account("e.near").storage_used, used - bytes);
    // And it has ten minutes to come back.
    market.chain.pass(599);
    market.fund("h.near", FUNDS);
    challenge(&mut market, "e.near", batch, &[1]).expect_err("of one item, again");
    assert!(market.poke_lot(batch, 0).is_err());
    market.chain.pass(1);
    market.poke_lot(batch, 0).expect("the jury opens");
}

#[test]
fn challenge__should_wait_for_no_more_than_the_class_has() {
    // Given a class of four nodes, where a jury takes five: a batch with a window is not drawn
    let mut market = Market::new(4);
    let now = market.chain.now();
    let batch = market.batch(Terms { challenge_window_s: WINDOW, ..terms(now) }, 3);
    market.chain.pass(3);
    let draw = Op::Draw { batch, at: At::Group(0) };
    assert_eq!(market.op("a.near", draw.clone()), Err(Skip::FewNodes));
    // When a fifth comes, then it is, and what comes later changes nothing
    market.chain.storage_deposit("e.near", NEAR).expect("storage");
    market.register("e.near", 10 * NEAR).expect("node");
    market.op("a.near", draw).expect("drawn");
    market.chain.pass(20);
    market.call("e.near", 0, |engine| engine.node_pause()).expect("pause");
    market.round(batch, 0, &WORKERS.map(|node| (node, b"abc".as_slice())));
    let lot = market.lot(batch, 0).expect("lot");
    assert!(lot.appeal && lot.phase == LotPhase::Provisional);
}

#[test]
fn challenger__should_stay_registered_until_its_deposit_is_back() {
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    market.chain.storage_deposit("z.near", NEAR / 10).expect("storage");
    let open = market.view_batch(batch).open.expect("open");
    market.fund("z.near", challenge_deposit(&open.terms, 3, 1));
    challenge(&mut market, "z.near", batch, &[0]).expect("challenge");
    assert_eq!(market.balance("z.near"), 0);
    assert_eq!(market.chain.storage_unregister("z.near"), Err(Error::InUse("a batch")));
}

#[test]
fn slash__should_lower_the_stake_at_once_and_the_tickets_with_the_next_change() {
    let (mut market, batch) = provisional([b"axc", b"axc", b"abc"], |_| {});
    challenge(&mut market, "i.near", batch, &[1]).expect("challenge");
    jury(&mut market, batch, [Some(b"b"); 5]);
    let node = market.node("a.near");
    assert!(node.stake.0 < 10 * NEAR && node.tickets == 1);
    // Each call of the node that is no work, and a poke of any account.
    let remove = StakeRemoveArgs { amount: Some(piecework_interface::amount::Amount(1)) };
    let declare = NodeRegisterArgs { classes: vec![ClassId(7)] };
    let target = Target::Node(market.chain.number("a.near"));
    for name in ["stake_remove", "node_update", "heartbeat", "node_pause"] {
        let mut market = market.clone();
        let call = |deposit| Call::by("a.near").with(deposit);
        let chain = &mut market.chain;
        let done = match name {
            "stake_remove" => chain.call(call(1), |engine| engine.stake_remove(remove.clone())),
            "node_update" => chain.call(call(1), |engine| engine.node_update(declare.clone())),
            "heartbeat" => chain.call(call(0), |engine| engine.heartbeat()),
            _ => chain.call(call(0), |engine| engine.node_pause()),
        };
        assert_eq!(done, Ok(()), "{name}");
        assert_eq!(market.node("a.near").tickets, 0, "{name}");
        check(&market.chain);
    }
    market.chain.poke(&[target]).expect("poke");
    assert_eq!(market.node("a.near").tickets, 0);
    check(&market.chain);
}
