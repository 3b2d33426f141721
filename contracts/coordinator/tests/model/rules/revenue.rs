//! Epochs: what nodes and the treasury get of the fees, and what nobody can get twice.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount, call::StakeRemoveArgs, config::Config, draw::At, ids::BatchId, op::Target, terms::Terms,
};

use crate::{
    chain::{Call, NEAR, OWNER},
    check::check,
    market::{Market, REQUESTER, config, terms},
};

const TREASURY: &str = REQUESTER;

pub(super) fn settle_epoch(market: &mut Market) -> Result<(), Error> {
    let result = market.chain.call(Call::by("anybody.near"), |engine| engine.epoch_settle());
    check(&market.chain);
    result
}

fn collect(market: &mut Market, node: &str) -> Result<(), Error> {
    let result = market.chain.call(Call::by(node).with(1), |engine| engine.revenue_collect());
    check(&market.chain);
    result
}

/// A batch of one lot, done by these three; its fee is in the pool.
pub(super) fn earn(market: &mut Market, nodes: [&str; 3]) -> BatchId {
    let now = market.chain.now();
    let batch = market.batch(Terms { reward: Amount(1_000_000), ..terms(now) }, 3);
    market.draw(nodes[0], batch, At::Group(0));
    market.round(batch, 0, &nodes.map(|node| (node, [1, 2, 3].as_slice())));
    batch
}

fn pool(market: &Market) -> u128 {
    market.chain.mirror.tokens[&market.token].pool.0
}

/// The fee of such a batch: 5 % of nine rewards.
pub(super) const FEE: u128 = 450_000;

#[test]
fn epoch__should_pay_who_worked_by_tickets() {
    // Given an epoch in which a (one ticket), b (one) and c (three) worked, and d did not.
    let mut market = Market::new(4);
    market.register("c.near", 20 * NEAR).expect("three tickets");
    market.chain.pass(1);
    earn(&mut market, ["a.near", "b.near", "c.near"]);
    assert_eq!(pool(&market), FEE);
    assert!(matches!(settle_epoch(&mut market), Err(Error::NothingDue(_))), "too early");
    assert!(matches!(collect(&mut market, "a.near"), Err(Error::NothingDue(_))), "the epoch still runs");

    // When it ends, without a treasury.
    market.chain.pass(config().epoch_s);
    settle_epoch(&mut market).expect("over");
    let before = ["a.near", "c.near", "d.near"].map(|node| market.balance(node));
    collect(&mut market, "a.near").expect("collected");
    collect(&mut market, "c.near").expect("collected");

    // Then each has its tickets' part, once, and who did not work has nothing.
    assert!(matches!(collect(&mut market, "a.near"), Err(Error::NothingDue(_))));
    assert!(matches!(collect(&mut market, "d.near"), Err(Error::NothingDue(_))));
    let after = ["a.near", "c.near", "d.near"].map(|node| market.balance(node));
    assert_eq!([0, 1, 2].map(|index| after[index] - before[index]), [FEE / 5, FEE * 3 / 5, 0]);

    // And b's part, not collected in time, goes back to the pool for later epochs.
    market.chain.pass(config().epoch_s);
    settle_epoch(&mut market).expect("over");
    assert!(matches!(collect(&mut market, "b.near"), Err(Error::NothingDue(_))));
    assert_eq!(pool(&market), FEE / 5);
}

#[test]
fn epoch__should_pay_the_treasury_first() {
    let mut market = Market::new(3);
    let treasury = Some(TREASURY.to_owned());
    let refused = market.chain.call(Call::by("a.near").with(1), |engine| engine.treasury_set(treasury.clone()));
    assert!(matches!(refused, Err(Error::Caller(_))));
    let unknown = market.chain.call(Call::by(OWNER).with(1), |engine| engine.treasury_set(Some("x.near".to_owned())));
    assert!(matches!(unknown, Err(Error::Account(_))));
    market.chain.call(Call::by(OWNER).with(1), |engine| engine.treasury_set(treasury)).expect("treasury");
    earn(&mut market, ["a.near", "b.near", "c.near"]);
    market.chain.pass(config().epoch_s);
    let before = market.balance(TREASURY);
    settle_epoch(&mut market).expect("over");
    assert_eq!(market.balance(TREASURY) - before, FEE / 5, "20 %");
    let before = market.balance("a.near");
    collect(&mut market, "a.near").expect("collected");
    assert_eq!(market.balance("a.near") - before, FEE * 4 / 5 / 3);
}

#[test]
fn epoch__should_end_without_a_treasury_that_left() {
    let mut market = Market::new(3);
    let gone = "gone.near";
    market.chain.storage_deposit(gone, NEAR).expect("registered");
    let treasury = Some(gone.to_owned());
    market.chain.call(Call::by(OWNER).with(1), |engine| engine.treasury_set(treasury)).expect("treasury");
    market.chain.storage_unregister(gone).expect("it leaves");
    earn(&mut market, ["a.near", "b.near", "c.near"]);
    market.chain.pass(config().epoch_s);
    settle_epoch(&mut market).expect("over");
    let before = market.balance("a.near");
    collect(&mut market, "a.near").expect("collected");
    assert_eq!(market.balance("a.near") - before, FEE / 3);
}

#[test]
fn epoch__should_not_pay_tickets_that_left() {
    // Given a node that worked with two tickets and removes one before the epoch ends.
    let mut market = Market::new(3);
    market.register("c.near", 10 * NEAR).expect("two tickets");
    market.chain.pass(1);
    earn(&mut market, ["a.near", "b.near", "c.near"]);
    let args = StakeRemoveArgs { amount: Some(Amount(10 * NEAR)) };
    market.chain.call(Call::by("c.near").with(1), |engine| engine.stake_remove(args)).expect("removed");
    check(&market.chain);

    // Then three tickets share, and stake that comes after the work counts for nothing.
    market.register("a.near", 100 * NEAR).expect("late stake");
    market.chain.pass(config().epoch_s);
    settle_epoch(&mut market).expect("over");
    for node in ["a.near", "b.near", "c.near"] {
        let before = market.balance(node);
        collect(&mut market, node).expect("collected");
        assert_eq!(market.balance(node) - before, FEE / 3, "{node}");
    }
}

#[test]
fn epoch__should_pay_the_surplus_of_the_insurance() {
    // Given an abandoned reservation, whose slash is all above the reserve of 0.
    let mut market = Market::with(Config { insurance_reserve: Amount(0), ..config() }, 4);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    market.draw("d.near", batch, At::Group(0));
    market.claim("d.near", batch, 0).expect("claim");
    market.chain.pass(101);
    for node in ["a.near", "b.near", "c.near"] {
        market.claim(node, batch, 0).expect("claim");
    }
    for node in ["a.near", "b.near", "c.near"] {
        market.commit(node, batch, 0, &[1, 2, 3]).expect("commit");
    }
    for node in ["a.near", "b.near", "c.near"] {
        market.reveal(node, batch, 0, &[1, 2, 3]).expect("reveal");
    }
    let slashed = market.chain.mirror.root.insurance.0;
    assert!(slashed > 0);
    market.chain.pass(config().epoch_s);
    settle_epoch(&mut market).expect("over");
    collect(&mut market, "a.near").expect("collected");
    let near = market.account("a.near").balances[0].clone();
    assert_eq!((near.token, near.amount.0), (piecework_interface::ids::NEAR, slashed / 3));
    assert_eq!(market.chain.mirror.root.insurance.0, slashed % 3);
}

#[test]
fn epoch__should_roll_over_when_nobody_worked() {
    let mut market = Market::new(3);
    earn(&mut market, ["a.near", "b.near", "c.near"]);
    market.chain.pass(config().epoch_s);
    settle_epoch(&mut market).expect("over");
    market.chain.pass(config().epoch_s);
    settle_epoch(&mut market).expect("over");
    assert_eq!(pool(&market), FEE, "everything is back");
    market.chain.pass(config().epoch_s);
    settle_epoch(&mut market).expect("an epoch without work");
    assert_eq!(pool(&market), FEE);
    // And pokes of its parts do nothing to it.
    let target = Target::Node(market.chain.number("a.near"));
    drop(market.chain.poke(&[target]));
    check(&market.chain);
}
