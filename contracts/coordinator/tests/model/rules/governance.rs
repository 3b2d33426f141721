//! Roles, pauses, and changes that wait.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount,
    config::Config,
    draw::At,
    governance::{Change, Feature, Prices, Role},
    skip::Skip,
};

use crate::{
    chain::{CONTRACT, Call, NEAR, OWNER},
    check::check,
    market::{Market, TOKEN, config, terms},
};

const GUARD: &str = "guard.near";
const ADMIN: &str = "admin.near";
const STRANGER: &str = "stranger.near";
const DAY_S: u32 = 86_400;

fn governed(nodes: usize) -> Market {
    let mut market = Market::new(nodes);
    for (role, who) in [(Role::Guardian, GUARD), (Role::TokenAdmin, ADMIN)] {
        let call = Call::by(OWNER).with(1);
        market.chain.call(call, |engine| engine.role_set(role, Some(who.to_owned()))).expect("role");
    }
    market
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::Caller(_))), "{result:?}");
}

fn propose(market: &mut Market, who: &str, change: Change) -> Result<u32, Error> {
    market.chain.call(Call::by(who).with(1), |engine| engine.propose(change))
}

fn apply(market: &mut Market, number: u32) -> Result<(), Error> {
    let result = market.chain.call(Call::by(STRANGER), |engine| engine.apply(number));
    check(&market.chain);
    result
}

#[test]
fn owner__should_change_in_two_steps() {
    let mut market = governed(0);
    let heir = "heir.near";
    let name = |who: &str| Some(who.to_owned());
    refused(market.chain.call(Call::by(heir).with(1), |engine| engine.owner_accept()));
    refused(market.chain.call(Call::by(GUARD).with(1), |engine| engine.owner_propose(name(GUARD))));
    let bad = market.chain.call(Call::by(OWNER).with(1), |engine| engine.owner_propose(name("Not an id")));
    assert_eq!(bad, Err(Error::Argument("account_id")));
    market.chain.call(Call::by(OWNER).with(1), |engine| engine.owner_propose(name(heir))).expect("proposed");
    refused(market.chain.call(Call::by(STRANGER).with(1), |engine| engine.owner_accept()));
    market.chain.call(Call::by(heir).with(1), |engine| engine.owner_accept()).expect("accepted");
    refused(market.chain.call(Call::by(OWNER).with(1), |engine| engine.role_set(Role::Guardian, None)));
    market.chain.call(Call::by(heir).with(1), |engine| engine.role_set(Role::Guardian, None)).expect("owner");
    check(&market.chain);
}

#[test]
fn roles__should_do_their_own_and_nothing_else() {
    let mut market = governed(0);
    refused(market.chain.call(Call::by(ADMIN).with(1), |engine| engine.pause(&Feature::ALL)));
    refused(propose(&mut market, GUARD, Change::Code([1; 32])));
    refused(propose(&mut market, ADMIN, Change::Config(Config::default())));
    let change = prices(&market, 5);
    refused(propose(&mut market, GUARD, change));
    market.chain.call(Call::by(GUARD).with(1), |engine| engine.pause(&[Feature::Deposits])).expect("pause");
    refused(market.chain.call(Call::by(GUARD).with(1), |engine| engine.unpause(&[Feature::Deposits])));
    market.chain.call(Call::by(OWNER).with(1), |engine| engine.unpause(&[Feature::Deposits])).expect("unpause");
    // And no machine's function-call key governs.
    let bare = market.chain.call(Call::by(OWNER), |engine| engine.pause(&[Feature::Deposits]));
    assert!(matches!(bare, Err(Error::Deposit(_))));
}

fn prices(market: &Market, reward: u128) -> Change {
    let amount = Amount(reward);
    Change::Prices(Prices { token: market.token, min_reward: amount, rep_unit: amount, bond_rate: amount })
}

#[test]
fn pause__should_stop_what_is_new_and_close_no_exit() {
    // Given a lot that one node works on, then a pause of everything.
    let mut market = governed(4);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    market.draw("a.near", batch, At::Group(0));
    market.claim("a.near", batch, 0).expect("claim");
    market.chain.call(Call::by(GUARD).with(1), |engine| engine.pause(&Feature::ALL)).expect("pause");

    // Then nothing new begins.
    assert_eq!(market.claim("b.near", batch, 0), Err(Skip::Paused));
    assert!(matches!(market.create(terms(now), 3), Err(Error::Status(_))));
    assert!(matches!(market.register("x.near", 10 * NEAR), Err(Error::Status(_))));
    let deposit = piecework_interface::call::DepositMessage::Deposit {};
    assert!(matches!(market.chain.transfer_call(TOKEN, "a.near", 5, deposit), Err(Error::Status(_))));

    // And everything that began ends: commit, time-out, cancel, payout, stake.
    market.commit("a.near", batch, 0, &[1, 2, 3]).expect("commit");
    market.cancel(batch).expect("cancel");
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("the round ends");
    market.reveal("a.near", batch, 0, &[1, 2, 3]).expect("reveal");
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("the extension ends and the batch closes");
    assert_eq!(market.node("a.near").bonded.0, 0);
    market.chain.withdraw("requester.near", market.token, None).expect("withdraw");
    let args = piecework_interface::call::StakeRemoveArgs { amount: None };
    market.chain.call(Call::by("a.near").with(1), |engine| engine.stake_remove(args)).expect("unbonding");
    market.chain.pass(config().unbonding_s);
    market.chain.call(Call::by("a.near").with(1), |engine| engine.stake_claim()).expect("stake back");
    check(&market.chain);
}

#[test]
fn proposal__should_wait_until_everybody_could_have_left() {
    // Given a new configuration, proposed while a batch runs.
    let mut market = governed(3);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    let fee_bps = 1_000;
    let number = propose(&mut market, OWNER, Change::Config(Config { fee_bps, ..config() })).expect("proposed");

    // When its time has not come, nobody can apply it; a second later, anybody can.
    let wait = config().unbonding_s + config().notice_s;
    market.chain.pass(wait - 1);
    assert!(matches!(apply(&mut market, number), Err(Error::Status(_))));
    market.chain.pass(1);
    apply(&mut market, number).expect("applied");
    assert!(matches!(apply(&mut market, number), Err(Error::Input(_))), "once");

    // Then a new batch pays the new fee and the old one what it was promised.
    let now = market.chain.now();
    let later = market.batch(terms(now), 3);
    let fee = |market: &Market, batch| market.view_batch(batch).open.expect("open").fixed.fee_bps;
    assert_eq!((fee(&market, batch), fee(&market, later)), (config().fee_bps, fee_bps));
    assert_eq!(Config::default().notice_s, DAY_S);
}

#[test]
fn guardian__should_be_able_to_drop_a_proposal() {
    let mut market = governed(0);
    let number = propose(&mut market, OWNER, Change::Code([7; 32])).expect("proposed");
    refused(market.chain.call(Call::by(ADMIN).with(1), |engine| engine.drop_proposal(number)));
    market.chain.call(Call::by(GUARD).with(1), |engine| engine.drop_proposal(number)).expect("dropped");
    market.chain.pass(2 * DAY_S);
    let upgrade = market.chain.call(Call::by(OWNER).with(1), |engine| engine.check_upgrade(&[7; 32]));
    assert!(matches!(upgrade, Err(Error::Input(_))));
}

#[test]
fn code__should_come_by_its_hash_from_the_owner_after_the_wait() {
    let mut market = governed(0);
    let hash = [7; 32];
    let number = propose(&mut market, OWNER, Change::Code(hash)).expect("proposed");
    let check_upgrade = |market: &mut Market, who: &str, hash| {
        market.chain.call(Call::by(who).with(1), |engine| engine.check_upgrade(&hash))
    };
    assert!(matches!(check_upgrade(&mut market, OWNER, hash), Err(Error::Status(_))), "too early");
    market.chain.pass(config().unbonding_s + config().notice_s);
    refused(check_upgrade(&mut market, STRANGER, hash));
    assert!(matches!(check_upgrade(&mut market, OWNER, [8; 32]), Err(Error::Input(_))), "other code");
    assert!(matches!(apply(&mut market, number), Err(Error::Input(_))), "code is no parameter");
    assert_eq!(check_upgrade(&mut market, OWNER, hash), Ok(number));
    // The new code's first call consumes the proposal; nobody else can make it.
    refused(market.chain.call(Call::by(OWNER), |engine| engine.migrate(number)));
    market.chain.call(Call::by(CONTRACT), |engine| engine.migrate(number)).expect("migrated");
    assert!(matches!(check_upgrade(&mut market, OWNER, hash), Err(Error::Input(_))), "once");
    check(&market.chain);
}

#[test]
fn prices__should_change_for_later_batches_only() {
    let mut market = governed(1);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    let before = market.view_batch(batch).open.expect("open").fixed.bond_rate;
    let change = prices(&market, 999);
    let number = propose(&mut market, ADMIN, change).expect("proposed");
    market.chain.pass(config().unbonding_s + config().notice_s);
    apply(&mut market, number).expect("applied");
    assert_eq!(market.view_batch(batch).open.expect("open").fixed.bond_rate, before);
    let now = market.chain.now();
    let later = market.batch(terms(now), 3);
    assert_eq!(market.view_batch(later).open.expect("open").fixed.bond_rate, Amount(999));
    let near = Prices {
        token: piecework_interface::ids::NEAR,
        min_reward: Amount(1),
        rep_unit: Amount(1),
        bond_rate: Amount(1),
    };
    assert!(matches!(propose(&mut market, ADMIN, Change::Prices(near)), Err(Error::Token(_))));
}

#[test]
fn min_stake__should_count_for_a_node_by_its_own_call() {
    let mut market = governed(2);
    let number = propose(&mut market, OWNER, Change::Config(Config { min_stake: Amount(5 * NEAR), ..config() }))
        .expect("proposed");
    market.chain.pass(config().unbonding_s + config().notice_s);
    apply(&mut market, number).expect("applied");
    assert_eq!(market.node("a.near").tickets, 1);
    // Who pokes others would make them latecomers for the lots that have begun.
    let target = piecework_interface::op::Target::Node(market.chain.number("a.near"));
    market.call("a.near", 0, |engine| engine.heartbeat()).expect("heard of");
    market.call("b.near", 0, |engine| engine.heartbeat()).expect("heard of");
    assert!(matches!(market.chain.poke(&[target]), Err(Error::NothingDue(_))));
    check(&market.chain);
}

#[test]
fn proposals__should_be_few_and_sane() {
    let mut market = governed(0);
    let zero = Config { min_stake: Amount(0), ..config() };
    assert!(matches!(propose(&mut market, OWNER, Change::Config(zero)), Err(Error::Input(_))));
    let free = Config { class_deposit: Amount(0), ..config() };
    assert!(
        matches!(propose(&mut market, OWNER, Change::Config(free)), Err(Error::Input(_))),
        "nobody pays for the rows"
    );
    for number in 0..8 {
        assert_eq!(propose(&mut market, OWNER, Change::Code([number; 32])), Ok(u32::from(number)));
    }
    assert!(matches!(propose(&mut market, OWNER, Change::Code([9; 32])), Err(Error::Input(_))));
    check(&market.chain);
}
