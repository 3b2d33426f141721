//! Implicit accounts, whose own key counts without being registered.

use piecework_coordinator::engine::Error;
use piecework_interface::{ids::NEAR as NEAR_TOKEN, key::Kind, skip::Skip, storage};

use super::{BOB, CAP, DAY_S, Relay};
use crate::{
    chain::NEAR,
    sign::{Wallet, transfer},
};

#[test]
fn implicit_account__should_sign_with_its_own_key_until_it_is_removed() {
    let mut relay = Relay::new();
    let carol = Wallet::new(3);
    let id = carol.implicit();
    relay.market.chain.storage_deposit(&id, NEAR / 10).expect("account");
    relay.fund(&id, 10 * CAP);
    let used = relay.market.account(&id).storage_used;
    let view = |relay: &Relay| relay.market.account(&id).keys;
    assert_eq!(view(&relay), []);

    // Any kind and amount, any token; its row comes with its first use.
    let sign = |relay: &Relay, kind, nonce| carol.sign(&relay.intent(&id, kind), nonce);
    let (token, first) = (relay.market.token, sign(&relay, relay.pay(5 * CAP), 1));
    assert_eq!(relay.one(first.clone()), None);
    assert_eq!(relay.one(first.clone()), Some(Skip::Nonce));
    assert_eq!(relay.market.account(&id).storage_used, used + storage::INTENT_KEY_BYTES);
    let near = sign(&relay, transfer(BOB, NEAR_TOKEN, 1), 2);
    assert_eq!(relay.one(near), Some(Skip::Balance));
    let own = view(&relay);
    assert_eq!((own.len(), &own[0].numbers[..], own[0].limit), (1, &[1, 2][..], None));

    // Another's own key is nothing here, and a removed one stays removed for good.
    let other = Wallet::new(4).sign(&relay.intent(&id, relay.pay(1)), 3);
    assert_eq!(relay.one(other), Some(Skip::NoKey));
    relay.remove(&id, carol.public_key()).expect("removed");
    let third = sign(&relay, relay.pay(1), 3);
    assert_eq!(relay.one(third.clone()), Some(Skip::NoKey));
    assert!(matches!(relay.remove(&id, carol.public_key()), Err(Error::NothingDue(_))));
    relay.market.chain.withdraw(&id, token, None).expect("withdraw");
    relay.market.chain.answer(true);
    relay.market.chain.pass(10 * DAY_S);
    assert!(matches!(relay.remove(&id, carol.public_key()), Err(Error::NothingDue(_))));
    assert!(matches!(relay.market.chain.storage_unregister(&id), Err(Error::InUse(_))), "or it would count again");

    // Its owner may add it again, with a limit.
    relay.add(&id, carol.public_key(), &[Kind::Transfer], 7).expect("added");
    relay.fund(&id, 100);
    let fourth = sign(&relay, relay.pay(8), 3);
    assert_eq!(relay.one(fourth), Some(Skip::KeyCap));
    assert!(matches!(relay.market.chain.storage_unregister(&id), Err(Error::InUse(_))));
}

#[test]
fn implicit_account__should_be_able_to_remove_a_key_that_never_signed() {
    let mut relay = Relay::new();
    let carol = Wallet::new(3);
    let id = carol.implicit();
    relay.market.chain.storage_deposit(&id, NEAR / 10).expect("account");
    relay.remove(&id, carol.public_key()).expect("removed");
    relay.fund(&id, 10);
    let signed = carol.sign(&relay.intent(&id, relay.pay(1)), 1);
    assert_eq!(relay.one(signed), Some(Skip::NoKey));
}

#[test]
fn implicit_account__should_leave_when_its_key_rests() {
    let mut relay = Relay::new();
    let carol = Wallet::new(3);
    let id = carol.implicit();
    relay.market.chain.storage_deposit(&id, NEAR / 10).expect("account");
    relay.fund(&id, 5);
    let signed = carol.sign(&relay.intent(&id, relay.pay(5)), 1);
    assert_eq!(relay.one(signed.clone()), None);
    assert!(matches!(relay.market.chain.storage_unregister(&id), Err(Error::InUse(_))));
    relay.market.chain.pass(DAY_S + 1);
    assert_eq!(relay.market.chain.storage_unregister(&id), Ok(true));
    relay.market.chain.storage_deposit(&id, NEAR / 10).expect("again");
    relay.fund(&id, 5);
    assert_eq!(relay.one(signed), Some(Skip::Expired));
}

#[test]
fn implicit_account__should_pay_for_its_key_s_row() {
    let mut relay = Relay::new();
    let carol = Wallet::new(3);
    let id = carol.implicit();
    relay.market.chain.storage_deposit(&id, NEAR / 10).expect("account");
    relay.fund(&id, 5);
    relay.market.chain.storage_withdraw(&id, None).expect("withdraw");
    let signed = carol.sign(&relay.intent(&id, relay.pay(5)), 1);
    assert_eq!(relay.one(signed.clone()), Some(Skip::KeyStorage));
    let row = storage::cost(storage::INTENT_KEY_BYTES);
    relay.market.chain.storage_deposit(&id, row).expect("deposit");
    assert_eq!(relay.one(signed), None);
}
