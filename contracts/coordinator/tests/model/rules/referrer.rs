//! Referrers: a part of the fee on pay, and of nothing else.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount,
    call::{BatchArgs, BatchCreateArgs, BatchSpec, DepositMessage, TokenListArgs, VerdictArgs},
    draw::At,
    event::Entry,
    ids::{AccountNo, BatchId, LotId},
    money::escrow,
    op::Target,
    terms::{Terms, Verification},
    view::{BatchStatus, Referrer},
};

use crate::{
    chain::NEAR,
    market::{Market, REQUESTER, config, terms},
};

const RIGHT: [u8; 3] = [1, 2, 3];
const FRIEND: &str = "friend.near";
/// The fee of 5 % on three copies of three items at 1,000 units.
const FEE: u128 = 450;

/// A market with an account that refers.
fn market() -> Market {
    let mut market = Market::new(3);
    market.chain.storage_deposit(FRIEND, NEAR).expect("storage");
    market.fund(REQUESTER, 10_u128.pow(9));
    market
}

fn refers(market: &Market, who: &str, part_pct: u8) -> Option<Referrer> {
    Some(Referrer { account: market.chain.number(who), part_pct })
}

/// A drawn batch of lots of three items, out of the requester's balance.
fn batch(market: &mut Market, items: u32, referrer: Option<Referrer>, change: impl FnOnce(&mut Terms)) -> BatchId {
    let mut terms = terms(market.chain.now());
    change(&mut terms);
    let (token, batch) = (market.token, BatchId(market.chain.mirror.root.next_batch));
    let args = BatchCreateArgs { token, batch: BatchSpec { referrer, ..Market::spec(terms.clone(), items) } };
    market.call(REQUESTER, 1, |engine| engine.batch_create(args)).expect("batch");
    if terms.adjudicator().is_none() {
        market.draw("a.near", batch, At::Group(0));
    }
    batch
}

fn work(market: &mut Market, batch: BatchId, lot: u32) {
    market.round(batch, lot, &[("a.near", &RIGHT), ("b.near", &RIGHT), ("c.near", &RIGHT)]);
}

fn pool(market: &Market) -> u128 {
    market.chain.mirror.tokens[&market.token].pool.0
}

#[test]
fn referrer__should_get_its_part_when_the_batch_is_poked_and_when_it_closes() {
    // Given a batch of two lots of whose fees a third account gets 30 %
    let mut market = market();
    let referrer = refers(&market, FRIEND, 30);
    let batch = batch(&mut market, 6, referrer, |_| {});
    work(&mut market, batch, 0);

    // When the first is settled, then its part waits in the batch
    let progress = market.view_batch(batch).open.expect("open").progress;
    assert_eq!((progress.fees.0, progress.referral.0), (FEE - FEE * 3 / 10, FEE * 3 / 10));
    assert_eq!(market.balance(FRIEND), 0);

    // And it is paid by anybody's poke, and what comes later with the close
    let line = market.chain.poke(&[Target::Batch(batch)]).expect("poke");
    let paid = line.iter().find_map(|entry| match entry {
        Entry::BatchPaid { fees, referral, .. } => Some((fees.0, referral.0)),
        _ => None,
    });
    assert_eq!(paid, Some((FEE - FEE * 3 / 10, FEE * 3 / 10)));
    assert_eq!((market.balance(FRIEND), pool(&market)), (FEE * 3 / 10, FEE - FEE * 3 / 10));
    work(&mut market, batch, 1);
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
    assert_eq!((market.balance(FRIEND), pool(&market)), (2 * (FEE * 3 / 10), 2 * (FEE - FEE * 3 / 10)));
}

#[test]
fn referrer__should_cost_nobody_anything_but_the_treasury() {
    // Given the same lot in a batch with a referrer and in one without
    let results: Vec<_> = [None, Some(50)]
        .map(|part| {
            let mut market = market();
            let before = market.balance(REQUESTER);
            let referrer = part.and_then(|part| refers(&market, FRIEND, part));
            let batch = batch(&mut market, 3, referrer, |_| {});
            work(&mut market, batch, 0);
            let nodes = ["a.near", "b.near", "c.near"].map(|node| (market.balance(node), market.node(node).stake));
            (nodes, before - market.balance(REQUESTER), market.balance(FRIEND) + pool(&market))
        })
        .into();
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0].1, 9 * 1_000 + FEE);
}

#[test]
fn referrer_without_room__should_leave_its_part_to_the_treasury() {
    // Given a referrer whose record holds another token, and one who has left
    for leaves in [false, true] {
        let mut market = market();
        let poor = "poor.near";
        let minimum = piecework_coordinator::engine::storage_minimum();
        market.chain.storage_deposit(poor, minimum).expect("storage");
        market.chain.list_token("other.near");
        let referrer = refers(&market, poor, 50);
        let batch = batch(&mut market, 3, referrer, |_| {});
        if leaves {
            market.chain.storage_unregister(poor).expect("unregister");
        } else {
            market.chain.transfer_call("other.near", poor, 5, DepositMessage::Deposit {}).expect("deposit");
        }
        // When its batch closes, then the batch closes all the same and the treasury has all of the fee
        work(&mut market, batch, 0);
        assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
        assert_eq!(pool(&market), FEE, "leaves: {leaves}");
    }
}

#[test]
fn referrer__should_be_registered_and_get_half_at_most() {
    let mut market = market();
    let before = market.balance(REQUESTER);
    for (referrer, refused) in [
        (refers(&market, FRIEND, 51), true),
        (refers(&market, FRIEND, 255), true),
        (Some(Referrer { account: AccountNo(99), part_pct: 10 }), true),
        (refers(&market, FRIEND, 0), false),
        (refers(&market, FRIEND, 50), false),
    ] {
        let spec = BatchSpec { referrer, ..Market::spec(terms(market.chain.now()), 3) };
        let args = BatchCreateArgs { token: market.token, batch: spec };
        let result = market.call(REQUESTER, 1, |engine| engine.batch_create(args));
        assert_eq!(matches!(result, Err(Error::Batch(_) | Error::Account(_))), refused, "{referrer:?}: {result:?}");
    }
    let locked = escrow(&terms(market.chain.now()), config().fee_bps, 3);
    assert_eq!(before - market.balance(REQUESTER), 2 * locked);
}

#[test]
fn referrer__should_have_no_part_of_pay_that_a_score_withheld() {
    // Given a scored lot whose requester refers itself, and an adjudicator who gives nothing
    let mut market = market();
    market.chain.storage_deposit("judge.near", NEAR).expect("storage");
    market.fund("judge.near", 10_u128.pow(9));
    let verification = Verification::Adjudicated { adjudicator: market.chain.number("judge.near"), verdict_ttl_s: 100 };
    let before = market.balance(REQUESTER);
    let referrer = refers(&market, REQUESTER, 50);
    let batch = batch(&mut market, 3, referrer, |terms| {
        (terms.verification, terms.challenge_window_s) = (verification, 100);
    });
    let accept = BatchArgs { batch };
    market.call("judge.near", 1, |engine| engine.adjudicator_accept(&accept)).expect("accept");
    market.draw("a.near", batch, At::Group(0));
    work(&mut market, batch, 0);
    // When two of three copies are scored at zero, then their pay is the treasury's, all of it: the requester gets back half of the
    // fee on what was paid
    let args = VerdictArgs { batch, lot: LotId(0), scores: vec![10_000, 0, 0], report: [7; 32] };
    market.call("judge.near", 0, |engine| engine.verdict(args)).expect("verdict");
    let fee = 3_000 * 5 / 100;
    assert_eq!(before - market.balance(REQUESTER), 9_000 + fee - fee / 2);
    assert_eq!(pool(&market), 6_000 + fee - fee / 2);
}

#[test]
fn own_referrer__should_make_no_wash_lot_pay() {
    // Given a requester who refers itself at the highest part, and whose own nodes, under other names, do the lot
    let mut market = market();
    let nodes = ["a.near", "b.near", "c.near"];
    let all = |market: &Market| market.balance(REQUESTER) + nodes.iter().map(|node| market.balance(node)).sum::<u128>();
    let before = all(&market);
    let referrer = refers(&market, REQUESTER, 50);
    let washed = batch(&mut market, 3, referrer, |_| {});
    work(&mut market, washed, 0);
    // Then all of them together lose half of the fee, and never less
    assert_eq!(before - all(&market), FEE - FEE / 2);
}

#[test]
fn reputation__should_count_what_is_left_of_the_fee() {
    // Given a token of which the fee of one lot is a full step
    let steps = [0, 50].map(|part| {
        let mut market = market();
        let (account_id, amount) = ("dear.near".to_owned(), Amount(FEE));
        let args = TokenListArgs { account_id, min_reward: Amount(1), rep_unit: amount, bond_rate: Amount(1 << 40) };
        market.token = market.call("owner.near", 1, |engine| engine.token_list(args)).expect("listed");
        market.chain.storage_deposit(REQUESTER, NEAR).expect("room");
        market.fund(REQUESTER, 10_u128.pow(9));
        let before = market.node("a.near").classes[0].reputation;
        let referrer = refers(&market, REQUESTER, part);
        let batch = batch(&mut market, 3, referrer, |_| {});
        work(&mut market, batch, 0);
        market.node("a.near").classes[0].reputation - before
    });
    // When half of it goes to a referrer, then half of the step is made
    assert_eq!(steps, [312, 156]);
}
