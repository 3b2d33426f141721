//! Storage deposits.

use piecework_coordinator::engine::{Error, storage_minimum};
use piecework_interface::{amount::Amount, call::DepositMessage, draw::At, skip::Skip, storage};

use crate::{
    chain::{Call, Chain, NEAR},
    check::check,
    market::{Market, REQUESTER, TOKEN, config, terms},
};

#[test]
fn storage_deposit__should_register_and_return_what_is_too_much() {
    let mut chain = Chain::new(config());
    let minimum = storage_minimum();
    let short = chain.call(Call::by("a.near").with(minimum - 1), |engine| engine.storage_deposit(None, true));
    assert_eq!(short, Err(Error::Storage { missing: &1 }));
    let call = Call::by("a.near").with(NEAR);
    let (balance, payout) = chain.call(call, |engine| engine.storage_deposit(None, true)).expect("registered");
    assert_eq!((balance.total.0, payout.expect("back").amount), (minimum, NEAR - minimum));
    chain.near -= NEAR - minimum;
    let (_, payout) = chain.call(call, |engine| engine.storage_deposit(None, true)).expect("again");
    assert_eq!(payout.expect("all back").amount, NEAR);
    chain.near -= NEAR;
    check(&chain);
}

#[test]
fn storage_deposit__should_refuse_what_is_no_account_id() {
    let mut chain = Chain::new(config());
    for bad in ["a", "A.near", ".near", "a..near", "a.near.", "a b", "ä.near", &"a".repeat(65)] {
        let id = Some(bad.to_owned());
        let result = chain.call(Call::by("a.near").with(NEAR), |engine| engine.storage_deposit(id, false));
        assert!(matches!(result, Err(Error::Input(_))), "{bad}");
    }
    for good in ["ab", "a-b_c.near", &"0".repeat(64), "10.a"] {
        let id = Some(good.to_owned());
        assert!(
            chain.call(Call::by("x.near").with(NEAR), |engine| engine.storage_deposit(id, false)).is_ok(),
            "{good}"
        );
    }
}

#[test]
fn storage_withdraw__should_leave_what_is_charged() {
    let mut market = Market::new(0);
    let now = market.chain.now();
    market.batch(terms(now), 3);
    let used = storage::cost(market.account(REQUESTER).storage_used);
    assert!(market.chain.storage_withdraw(REQUESTER, Some(100 * NEAR)).is_err());
    market.chain.storage_withdraw(REQUESTER, None).expect("the rest");
    assert_eq!(market.account(REQUESTER).storage_paid.0, used);
    market.chain.storage_withdraw(REQUESTER, None).expect("nothing more");
    assert_eq!(market.account(REQUESTER).storage_paid.0, used);
    check(&market.chain);
}

/// The checks of near-contract-standards' storage_impl.rs and of its fungible token's own tests, one by one. Here bytes of
/// batches and lots are charged too, so there is no maximum.
#[test]
fn nep_145__should_be_as_near_contract_standards_has_it() {
    let mut chain = Chain::new(config());
    let minimum = storage_minimum();
    let balance_of = |chain: &Chain| chain.view(|mut engine| engine.view_storage_balance("a.near")).expect("view");
    let by = |deposit| Call::by("a.near").with(deposit);

    // An account that is not registered has no balance, cannot withdraw, and is not unregistered.
    assert_eq!(balance_of(&chain), None);
    let stranger = chain.call(by(1), |engine| engine.storage_withdraw(None));
    assert_eq!(stranger, Err(Error::Account("the caller")));
    assert_eq!(chain.storage_unregister("a.near"), Ok(false));

    // Less than the minimum registers nobody; the minimum does, and is all that is kept with `registration_only`.
    assert!(chain.call(by(minimum - 1), |engine| engine.storage_deposit(None, false)).is_err());
    assert_eq!(balance_of(&chain), None);
    let (balance, back) = chain.call(by(minimum + 5), |engine| engine.storage_deposit(None, true)).expect("registered");
    chain.near -= back.expect("what is too much").amount;
    assert_eq!((balance.total.0, Some(balance)), (minimum, balance_of(&chain)));

    // Registered again, it gets everything back, and without a deposit its balance: nothing is written.
    let lines = chain.lines.len();
    let (again, back) = chain.call(by(7), |engine| engine.storage_deposit(None, true)).expect("again");
    chain.near -= back.expect("all of it").amount;
    assert_eq!(again, balance);
    let (again, back) = chain.call(by(0), |engine| engine.storage_deposit(None, false)).expect("nothing attached");
    assert_eq!((again, back), (balance, None));

    // A withdrawal needs one yocto. Of nothing it answers the balance; of more than is available it fails.
    chain.storage_withdraw("a.near", None).expect("what is available");
    let lines_of_one_withdrawal = lines + usize::from(balance.available.0 > 0);
    for amount in [None, Some(Amount(0))] {
        let (left, back) = chain.call(by(1), |engine| engine.storage_withdraw(amount)).expect("nothing available");
        assert_eq!((left.available.0, back), (0, None), "{amount:?}");
        let bare = chain.call(by(0), |engine| engine.storage_withdraw(amount));
        assert_eq!(bare, Err(Error::Deposit("exactly 1 yoctoNEAR")));
    }
    assert!(chain.call(by(1), |engine| engine.storage_withdraw(Some(Amount(1)))).is_err());
    assert_eq!(chain.lines.len(), lines_of_one_withdrawal);

    // Who leaves has the whole deposit, once.
    let paid = balance_of(&chain).expect("registered").total.0;
    let payout = chain.call(by(1), |engine| engine.storage_unregister()).expect("unregistered").expect("paid");
    chain.near -= payout.amount;
    assert_eq!((payout.amount, balance_of(&chain)), (paid, None));
    assert_eq!(chain.storage_unregister("a.near"), Ok(false));
    check(&chain);
}

#[test]
fn attack_36__should_not_unregister_while_anything_is_left() {
    let mut market = Market::new(1);
    market.chain.storage_deposit("d.near", NEAR).expect("account");
    market.chain.transfer_call(TOKEN, "d.near", 5, DepositMessage::Deposit {}).expect("deposit");
    let token = market.token;
    assert_eq!(market.chain.storage_unregister("d.near"), Err(Error::InUse("a balance")));
    market.chain.withdraw("d.near", token, None).expect("withdraw");
    assert_eq!(market.chain.storage_unregister("d.near"), Err(Error::InUse("a withdrawal in flight")));
    market.chain.answer(true);
    assert_eq!(market.chain.storage_unregister("d.near"), Ok(true));
    assert_eq!(market.chain.storage_unregister("d.near"), Ok(false));
    assert!(matches!(market.chain.storage_unregister("a.near"), Err(Error::InUse(_))), "a node stays");
    let now = market.chain.now();
    market.batch(terms(now), 3);
    market.chain.withdraw(REQUESTER, token, None).expect("withdraw");
    market.chain.answer(true);
    assert_eq!(market.chain.storage_unregister(REQUESTER), Err(Error::InUse("a batch")));
    check(&market.chain);
}

#[test]
fn attack_40__should_reserve_the_requester_s_bytes_at_the_first_claim() {
    // Given a requester whose deposit covers the batch and not one lot.
    let mut market = Market::new(3);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    market.draw("a.near", batch, At::Group(0));
    market.chain.storage_withdraw(REQUESTER, None).expect("withdraw");
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::RequesterStorage));

    // When it covers the lot, the reserved bytes cannot be withdrawn, and nothing later needs more.
    let bytes = storage::lot_bytes(&terms(now));
    market.chain.storage_deposit(REQUESTER, storage::cost(bytes)).expect("deposit");
    market.claim("a.near", batch, 0).expect("claim");
    assert!(market.chain.storage_withdraw(REQUESTER, Some(1)).is_err());
    assert_eq!(market.claim("b.near", batch, 0), Ok(()));
}

#[test]
fn attack_40__should_charge_a_node_for_its_balance_row_at_the_claim() {
    // Given a node whose first token is another one and whose deposit is used up.
    let mut market = Market::new(1);
    let other = market.chain.list_token("other.near");
    market.chain.transfer_call("other.near", "a.near", 5, DepositMessage::Deposit {}).expect("deposit");
    market.chain.storage_withdraw("a.near", None).expect("withdraw");
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    market.draw("a.near", batch, At::Group(0));
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::NodeStorage));

    // When it pays for one row more, it may claim, and a deposit in a third token fails.
    let row = storage::cost(storage::BALANCE_BYTES);
    market.chain.storage_deposit("a.near", row).expect("deposit");
    market.claim("a.near", batch, 0).expect("claim");
    market.chain.list_token("third.near");
    let third = market.chain.transfer_call("third.near", "a.near", 5, DepositMessage::Deposit {});
    assert!(matches!(third, Err(Error::Storage { missing }) if *missing == row));
    assert_eq!(market.account("a.near").balances[0].token, other);
    check(&market.chain);
}
