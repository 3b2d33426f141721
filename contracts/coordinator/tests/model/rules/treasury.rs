//! Where fees go: they wait with their token until a poke pays the treasury.

use piecework_coordinator::engine::Error;
use piecework_interface::{draw::At, ids::NEAR as NEAR_TOKEN, op::Target};

use crate::{
    chain::{Call, NEAR, OWNER},
    check::check,
    market::{Market, terms},
};

const TREASURY: &str = "treasury.near";

/// A market in which a lot of three items was paid 9,000 at a fee of 5 %.
fn earned() -> Market {
    let mut market = Market::new(3);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 0, &["a.near", "b.near", "c.near"].map(|node| (node, [1, 2, 3].as_slice())));
    assert_eq!(market.chain.mirror.tokens[&market.token].pool.0, 450);
    market
}

fn set(market: &mut Market, account_id: Option<&str>) -> Result<(), Error> {
    let call = Call::by(OWNER).with(1);
    let result = market.chain.call(call, |engine| engine.treasury_set(account_id.map(str::to_owned)));
    check(&market.chain);
    result
}

#[test]
fn fees__should_wait_for_a_treasury_with_room_and_reach_it_by_anybodys_poke() {
    let mut market = earned();
    let token = Target::Token(market.token);
    // Without a treasury nothing is due.
    assert!(matches!(market.chain.poke(&[token]), Err(Error::NothingDue(_))));
    assert!(matches!(set(&mut market, Some(TREASURY)), Err(Error::Account(_))));
    market.chain.storage_deposit(TREASURY, NEAR).expect("storage");
    set(&mut market, Some(TREASURY)).expect("set");
    market.chain.poke(&[token]).expect("paid");
    assert!(matches!(market.chain.poke(&[token]), Err(Error::NothingDue(_))), "once");
    check(&market.chain);
    assert_eq!((market.balance(TREASURY), market.chain.mirror.tokens[&market.token].pool.0), (450, 0));
    assert!(matches!(market.chain.poke(&[token, Target::Token(NEAR_TOKEN)]), Err(Error::NothingDue(_))));
    // It may not leave while it has a balance, and a treasury that is set anew gets what comes later.
    assert!(market.chain.storage_unregister(TREASURY).is_err());
    set(&mut market, None).expect("unset");
    assert!(matches!(market.chain.poke(&[token]), Err(Error::NothingDue(_))));
}

#[test]
fn audit_8__should_give_the_fees_of_every_token_an_exit() {
    // Given six tokens, the last of which earns
    let mut market = Market::new(3);
    for number in 0..5 {
        market.token = market.chain.list_token(&format!("token{number}.near"));
    }
    market.chain.storage_deposit(TREASURY, 10 * NEAR).expect("storage");
    set(&mut market, Some(TREASURY)).expect("set");
    let now = market.chain.now();
    let spec = Market::spec(terms(now), 3);
    let message = piecework_interface::call::DepositMessage::CreateBatch(spec);
    market.chain.transfer_call("token4.near", crate::market::REQUESTER, 1_000_000, message).expect("batch");
    let batch = piecework_interface::ids::BatchId(0);
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 0, &["a.near", "b.near", "c.near"].map(|node| (node, [1, 2, 3].as_slice())));
    market.chain.poke(&[Target::Token(market.token)]).expect("paid");
    assert_eq!(market.balance(TREASURY), 450);
}
