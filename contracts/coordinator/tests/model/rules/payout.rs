//! Payout accounts, and what a machine's key is good for.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    call::StakeRemoveArgs,
    ids::{NEAR as NEAR_TOKEN, TokenId},
    storage,
};

use crate::{
    chain::{CONTRACT, Call, NEAR},
    check::check,
    market::{Market, TOKEN},
};

const NODE: &str = "a.near";
const COLD: &str = "cold.near";

fn set(market: &mut Market, payout: Option<&str>) -> Result<(), Error> {
    let payout = payout.map(str::to_owned);
    market.call(NODE, 1, |engine| engine.payout_set(payout))
}

/// A node with 500 units and 4 NEAR of balance, and a payout account.
fn paid() -> (Market, TokenId) {
    let mut market = Market::new(1);
    let token = market.token;
    market.fund(NODE, 500);
    let remove = StakeRemoveArgs { amount: Some((4 * NEAR).into()) };
    market.call(NODE, 1, |engine| engine.stake_remove(remove)).expect("unstaked");
    market.chain.pass(1_000);
    market.call(NODE, 1, |engine| engine.stake_claim()).expect("claimed");
    set(&mut market, Some(COLD)).expect("set");
    (market, token)
}

#[test]
fn payout__should_take_tokens_and_near_and_be_charged_for() {
    // Given a node whose payout account is not registered here.
    let (mut market, token) = paid();
    let named = market.account(NODE);
    assert_eq!(named.payout.as_deref(), Some(COLD));

    // When its machine sends a part of the tokens, and all of the NEAR.
    market.chain.withdraw_payout(NODE, token, Some(200)).expect("tokens");
    market.chain.withdraw_payout(NODE, NEAR_TOKEN, None).expect("near");
    check(&market.chain);
    let receivers: Vec<_> = market.chain.transfers.iter().map(|transfer| transfer.account_id.clone()).collect();
    assert_eq!(receivers, [COLD, COLD]);
    market.chain.answer(true);
    market.chain.answer(true);

    // Then the payout account has them, and without it the bytes of its name are free.
    assert_eq!((market.balance(NODE), market.chain.ledger[&(TOKEN.to_owned(), COLD.to_owned())]), (300, 200));
    set(&mut market, None).expect("unset");
    let bytes = storage::payout_bytes(Some(COLD));
    assert_eq!(market.account(NODE).storage_used, named.storage_used - bytes);
    check(&market.chain);
}

#[test]
fn payout__should_be_restored_when_the_receiver_refuses_it() {
    let (mut market, token) = paid();
    market.chain.withdraw_payout(NODE, token, None).expect("sent");
    assert_eq!((market.balance(NODE), market.account(NODE).in_flight), (0, 1));
    market.chain.answer(false);
    assert_eq!((market.balance(NODE), market.account(NODE).in_flight), (500, 0));
    check(&market.chain);
}

#[test]
fn payout_set__should_refuse_names_that_pay_nobody() {
    let mut market = Market::new(1);
    for bad in ["A", "not an id", NODE, CONTRACT] {
        assert_eq!(set(&mut market, Some(bad)), Err(Error::Argument("account_id")), "{bad}");
    }
    let stranger = market.call("stranger.near", 1, |engine| engine.payout_set(Some(COLD.to_owned())));
    assert_eq!(stranger, Err(Error::Account("the caller")));
}

#[test]
fn payout_set__should_need_storage_for_the_name() {
    // Given a node whose deposit is used up but for one byte less than a name takes.
    let mut market = Market::new(1);
    market.chain.storage_withdraw(NODE, None).expect("withdrawn");
    let name = "c".repeat(64);
    let needed = storage::cost(storage::payout_bytes(Some(&name)));
    market.chain.storage_deposit(NODE, needed - storage::cost(1)).expect("deposit");

    // When it names it, then a byte is missing; with it, the name is charged for, and another name for it alone.
    assert!(matches!(set(&mut market, Some(&name)), Err(Error::Storage { missing }) if *missing == storage::cost(1)));
    market.chain.storage_deposit(NODE, storage::cost(1)).expect("deposit");
    set(&mut market, Some(&name)).expect("set");
    assert!(market.chain.storage_withdraw(NODE, Some(1)).is_err());
    set(&mut market, Some(COLD)).expect("a shorter one");
    market.chain.storage_withdraw(NODE, None).expect("the difference is free");
}

#[test]
fn withdraw_payout__should_send_nowhere_without_a_payout_account() {
    let mut market = Market::new(1);
    market.fund(NODE, 500);
    let token = market.token;
    let refused = market.chain.withdraw_payout(NODE, token, None);
    assert!(matches!(refused, Err(Error::Status(_))), "{refused:?}");
    assert_eq!(market.balance(NODE), 500);
}

#[test]
fn machine_key__should_move_a_balance_to_the_payout_account_and_nowhere_else() {
    // Given a thief with the machine's key: it calls everything that needs no yocto, as the node, and cannot attach one.
    let (mut market, token) = paid();
    let (stake, worth) = (market.node(NODE).stake, market.balance(NODE));
    let thief = Call::by(NODE);
    let paid_to = |market: &Market| -> Vec<String> {
        market.chain.transfers.iter().map(|transfer| transfer.account_id.clone()).collect()
    };

    // When it names another payout account, withdraws for itself, or leaves the market with the stake.
    let args = |amount: u128| piecework_interface::call::WithdrawArgs { token, amount: Some(amount.into()) };
    let yocto = Err(Error::Deposit("exactly 1 yoctoNEAR"));
    assert_eq!(market.chain.call(thief, |engine| engine.payout_set(Some("thief.near".to_owned()))), yocto);
    assert_eq!(market.chain.call(thief, |engine| engine.payout_set(None)), yocto);
    assert!(market.chain.call(thief, |engine| engine.withdraw(args(1))).is_err());
    assert!(market.chain.call(thief, |engine| engine.stake_claim()).is_err());

    // When it names the number of an account whose payout account is its own.
    market.chain.storage_deposit("thief.near", NEAR).expect("account");
    let cold = Some("thiefs.near".to_owned());
    market.call("thief.near", 1, |engine| engine.payout_set(cold)).expect("its own");
    let number = market.chain.number("thief.near");
    let forged = market.chain.call(thief, |engine| engine.naming(Some(number)).withdraw_payout(args(1)));
    assert_eq!(forged, Err(Error::Argument("account")));

    // When it pays out unit by unit until it may not any more.
    let sent = (0..300).take_while(|_| market.chain.withdraw_payout(NODE, token, Some(1)).is_ok()).count();

    // Then all of it goes where the owner said, the rest is there, and what failed is back.
    assert_eq!(sent, 255, "withdrawals in flight have a bound");
    assert!(paid_to(&market).iter().all(|receiver| receiver == COLD));
    check(&market.chain);
    for _ in 0..sent {
        market.chain.answer(false);
    }
    assert_eq!((market.balance(NODE), market.node(NODE).stake), (worth, stake));
    assert_eq!(market.account(NODE).payout.as_deref(), Some(COLD));
    check(&market.chain);
}
