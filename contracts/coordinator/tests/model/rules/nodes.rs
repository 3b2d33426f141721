//! Stake, tickets, presence.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount,
    call::{NodeRegisterArgs, StakeRemoveArgs},
    draw::At,
    ids::{AccountNo, ClassId},
    op::Target,
    skip::Skip,
    view::NodeStatus,
};

use crate::{
    chain::{Call, NEAR},
    check::check,
    market::{Market, terms},
};

fn remove(market: &mut Market, who: &str, amount: Option<u128>) -> Result<(), Error> {
    let args = StakeRemoveArgs { amount: amount.map(Amount) };
    let result = market.chain.call(Call::by(who).with(1), |engine| engine.stake_remove(args));
    check(&market.chain);
    result
}

#[test]
fn node_register__should_need_the_least_stake_and_one_to_eight_classes() {
    let mut market = Market::new(0);
    market.chain.storage_deposit("a.near", NEAR).expect("storage");
    assert!(matches!(market.register("a.near", 10 * NEAR - 1), Err(Error::Stake(_))));
    for classes in [vec![], vec![ClassId(1), ClassId(1)], (0..9).map(ClassId).collect()] {
        let args = NodeRegisterArgs { classes };
        let result = market.chain.call(Call::by("a.near").with(10 * NEAR), |engine| engine.node_register(args));
        assert!(matches!(result, Err(Error::Classes(_))));
    }
    market.register("a.near", 25 * NEAR).expect("node");
    assert_eq!((market.node("a.near").tickets, market.chain.mirror.classes[&ClassId(7)].tickets), (2, 2));
    market.register("a.near", 200 * NEAR).expect("again");
    assert_eq!(market.node("a.near").tickets, 16);
    check(&market.chain);
}

#[test]
fn node_update__should_keep_the_record_of_a_class_that_is_left() {
    let mut market = Market::new(1);
    let mut update = |classes: Vec<u16>| {
        let args = NodeRegisterArgs { classes: classes.into_iter().map(ClassId).collect() };
        market.chain.call(Call::by("a.near").with(1), |engine| engine.node_update(args))
    };
    update(vec![8]).expect("update");
    assert!(matches!(update((11..19).collect()), Err(Error::Classes(_))), "7 and 8 stay, so eight others are too many");
    let node = market.node("a.near");
    assert_eq!(node.classes.iter().map(|c| (c.class.0, c.declared)).collect::<Vec<_>>(), [(7, false), (8, true)]);
    check(&market.chain);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    market.draw("a.near", batch, At::Group(0));
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::Class));
}

#[test]
fn attack_31__should_drop_tickets_with_the_stake_and_restart_the_unbonding_clock() {
    let mut market = Market::new(1);
    market.register("a.near", 20 * NEAR).expect("more");
    remove(&mut market, "a.near", Some(5 * NEAR)).expect("remove");
    let until = market.node("a.near").unbonding_until;
    assert_eq!((market.node("a.near").tickets, market.chain.mirror.classes[&ClassId(7)].tickets), (2, 2));
    market.chain.pass(900);
    remove(&mut market, "a.near", None).expect("remove the rest");
    let node = market.node("a.near");
    assert_eq!((node.stake.0, node.unbonding.0, node.tickets), (0, 30 * NEAR, 0));
    assert_eq!(node.unbonding_until, until + 900);
    assert!(matches!(remove(&mut market, "a.near", None), Err(Error::Stake(_))));
}

#[test]
fn attack_32__should_let_only_free_stake_go_and_slots_finish() {
    // Given a node that holds a slot and takes the rest of its stake out.
    let mut market = Market::new(3);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    market.draw("a.near", batch, At::Group(0));
    for node in ["a.near", "b.near", "c.near"] {
        market.claim(node, batch, 0).expect("claim");
    }
    let bonded = market.node("a.near").bonded.0;
    assert!(matches!(remove(&mut market, "a.near", Some(10 * NEAR - bonded + 1)), Err(Error::Stake(_))));
    remove(&mut market, "a.near", None).expect("free stake");
    assert_eq!((market.node("a.near").stake.0, market.node("a.near").tickets), (bonded, 0));

    // Then it claims nothing more and is paid for what it holds.
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::Inactive));
    for node in ["a.near", "b.near", "c.near"] {
        market.commit(node, batch, 0, &[1, 2, 3]).expect("commit");
    }
    for node in ["a.near", "b.near", "c.near"] {
        market.reveal(node, batch, 0, &[1, 2, 3]).expect("reveal");
    }
    assert_eq!(market.balance("a.near"), 3_000);
    remove(&mut market, "a.near", None).expect("the bond is free");
}

#[test]
fn poke__should_silence_a_node_that_was_not_heard_of() {
    let mut market = Market::new(2);
    let target = [Target::Node(market.chain.number("a.near"))];
    assert!(matches!(market.chain.poke(&target), Err(Error::NothingDue(_))));
    market.chain.pass(3_601);
    market.chain.call(Call::by("b.near"), |engine| engine.heartbeat()).expect("heartbeat");
    market.chain.poke(&target).expect("silent");
    assert_eq!(market.node("a.near").status, NodeStatus::Silent);
    assert_eq!(market.chain.mirror.classes[&ClassId(7)].tickets, 1);
    assert!(matches!(market.chain.poke(&target), Err(Error::NothingDue(_))));

    // Its next heartbeat brings it back, as a latecomer.
    market.chain.call(Call::by("a.near"), |engine| engine.heartbeat()).expect("heartbeat");
    assert_eq!(
        (market.node("a.near").status, market.node("a.near").active_since),
        (NodeStatus::Active, market.chain.now())
    );
    check(&market.chain);
}

#[test]
fn node_pause__should_stop_claims_until_the_node_resumes() {
    let mut market = Market::new(3);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    market.draw("a.near", batch, At::Group(0));
    market.chain.call(Call::by("a.near"), |engine| engine.node_pause()).expect("pause");
    assert!(matches!(market.chain.call(Call::by("a.near"), |engine| engine.node_pause()), Err(Error::Status(_))));
    market.chain.call(Call::by("a.near"), |engine| engine.heartbeat()).expect("a heartbeat does not resume");
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::Inactive));
    market.chain.call(Call::by("a.near"), |engine| engine.node_resume()).expect("resume");
    assert!(matches!(market.chain.call(Call::by("a.near"), |engine| engine.node_resume()), Err(Error::Status(_))));
    assert_eq!(market.claim("a.near", batch, 0), Ok(()), "everybody may claim by now");
}

#[test]
fn work__should_fail_for_an_account_without_a_node() {
    let mut market = Market::new(0);
    market.chain.storage_deposit("a.near", NEAR).expect("storage");
    let op = piecework_interface::op::Op::Claim {
        batch: piecework_interface::ids::BatchId(0),
        lot: piecework_interface::ids::LotId(0),
    };
    assert_eq!(market.chain.work("a.near", vec![op.clone()]), Err(Error::NoNode));
    assert_eq!(market.chain.work("b.near", vec![op]), Err(Error::Account("the caller")));
}

#[test]
fn call__should_move_when_the_node_was_last_seen() {
    let mut market = Market::new(1);
    market.chain.call(Call::by("a.near"), |engine| engine.heartbeat()).expect("heartbeat");
    let seen = market.node("a.near").last_seen;
    for (wait, moved) in [(0, 0), (3, 3), (6, 9)] {
        market.chain.pass(wait);
        market.chain.call(Call::by("a.near"), |engine| engine.heartbeat()).expect("heartbeat");
        check(&market.chain);
        assert_eq!(market.node("a.near").last_seen, seen + moved);
    }
}

#[test]
fn caller__should_be_taken_at_its_number_only_if_it_is_its_own() {
    let mut market = Market::new(2);
    let (a, b) = (market.chain.number("a.near"), market.chain.number("b.near"));

    // Named rightly, the call does what it does without a number.
    let mut unnamed = market.chain.clone();
    unnamed.call(Call::by("a.near"), |engine| engine.heartbeat()).expect("heartbeat");
    market.chain.call(Call::by("a.near"), |engine| engine.naming(Some(a)).heartbeat()).expect("heartbeat");
    assert_eq!(market.chain.storage, unnamed.storage);

    // Another's number, and one that nobody has, are refused; so is a stranger with a node's number.
    for (who, number) in [("a.near", b), ("a.near", AccountNo(1_000)), ("stranger.near", a), ("a.nea", a)] {
        let result = market.chain.call(Call::by(who), |engine| engine.naming(Some(number)).heartbeat());
        assert_eq!(result, Err(Error::Argument("account")), "{who} as {number}");
    }
}
