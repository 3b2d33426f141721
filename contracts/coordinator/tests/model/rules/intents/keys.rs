//! What a registered key may, and until when.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount,
    call::IntentKeyAddArgs,
    ids::{NEAR as NEAR_TOKEN, TokenId},
    intent::Action,
    key::{Kind, Kinds},
    keys::INTENT_KEYS_MAX,
    skip::Skip,
    storage,
};

use super::{ALICE, BOB, CAP, DAY_S, Relay};
use crate::{
    chain::{Call, NEAR},
    check::check,
    sign::{Wallet, intent, payment, withdraw},
};

#[test]
fn cap__should_hold_for_a_day_and_begin_anew() {
    let mut relay = Relay::new();
    let nearly = relay.sign(relay.pay(CAP - 1), 1);
    assert_eq!(relay.one(nearly), None);
    let over = relay.sign(relay.pay(2), 2);
    assert_eq!(relay.one(over.clone()), Some(Skip::KeyCap));
    assert_eq!(relay.one(over), Some(Skip::Nonce), "what failed used its nonce");
    let rest = relay.sign(relay.pay(1), 3);
    assert_eq!(relay.one(rest), None);
    let nothing_left = relay.sign(relay.pay(1), 4);
    assert_eq!(relay.one(nothing_left), Some(Skip::KeyCap));

    // At midnight, UTC, it begins anew.
    let midnight = (relay.market.chain.now() / DAY_S + 1) * DAY_S;
    relay.market.chain.pass(midnight - relay.market.chain.now() - 1);
    let late = relay.sign(relay.pay(1), 5);
    assert_eq!(relay.one(late), Some(Skip::KeyCap));
    relay.market.chain.pass(1);
    let early = relay.sign(relay.pay(CAP), 6);
    assert_eq!(relay.one(early), None);
    assert_eq!((relay.market.balance(BOB), relay.spent()), (2 * CAP, CAP));
}

#[test]
fn key__should_be_kept_to_its_kinds_and_its_token() {
    let mut relay = Relay::new();
    let other = relay.market.chain.list_token("other.near");
    let (token, session) = (relay.market.token, Wallet::new(2));
    relay.add(ALICE, session.public_key(), &[Kind::Transfer], 10).expect("key");
    let mut outcome = |kind, nonce| {
        let signed = session.sign(&relay.intent(ALICE, kind), nonce);
        relay.one(signed)
    };
    let create = Action::CreateBatch(piecework_interface::call::BatchCreateArgs { token, batch: Default::default() });
    assert_eq!(outcome(create, 1), Some(Skip::KeyKind));
    assert_eq!(outcome(withdraw(token, Some(1)), 2), Some(Skip::KeyKind));
    assert_eq!(outcome(Action::Transfer(payment(BOB, other, 1)), 3), Some(Skip::KeyToken));
    assert_eq!(outcome(Action::Transfer(payment(BOB, NEAR_TOKEN, 1)), 4), Some(Skip::KeyToken));
    assert_eq!(outcome(Action::Transfer(payment(BOB, token, 10)), 5), None);
}

#[test]
fn intent_key_add__should_charge_and_refuse() {
    let mut relay = Relay::new();
    let used = relay.market.account(ALICE).storage_used;
    let key = |seed| Wallet::new(seed).public_key();
    assert_eq!(relay.add("stranger.near", key(2), &[Kind::Transfer], CAP), Err(Error::Account("the caller")));
    let call = Call::by(ALICE).with(1);
    let token = TokenId(9);
    let args =
        IntentKeyAddArgs { public_key: key(2), kinds: Kinds::of(&[Kind::Transfer]), token, daily_cap: Amount(1) };
    let unlisted = relay.market.chain.call(call, |engine| engine.intent_key_set(args.clone()));
    assert_eq!(unlisted, Err(Error::Token(token)));
    for deposit in [0, 2] {
        let call = Call::by(ALICE).with(deposit);
        let add = relay.market.chain.call(call, |engine| engine.intent_key_set(args.clone()));
        assert_eq!(add, Err(Error::Deposit("exactly 1 yoctoNEAR")));
    }
    for seed in 2..=u8::try_from(INTENT_KEYS_MAX).expect("keys") {
        relay.add(ALICE, key(seed), &[Kind::Transfer], CAP).expect("key");
    }
    assert!(matches!(relay.add(ALICE, key(99), &[Kind::Transfer], CAP), Err(Error::Input(_))));
    relay.add(ALICE, key(2), &[Kind::Withdraw], 1).expect("one that it has may change");
    let bytes = 7 * storage::INTENT_KEY_BYTES;
    assert_eq!(relay.market.account(ALICE).storage_used, used + bytes);
    // Removed keys that never signed give their bytes back.
    for seed in 2..=u8::try_from(INTENT_KEYS_MAX).expect("keys") {
        relay.remove(ALICE, key(seed)).expect("removed");
    }
    assert_eq!(relay.market.account(ALICE).storage_used, used);
    assert!(matches!(relay.remove(ALICE, key(2)), Err(Error::NothingDue(_))));
    relay.market.chain.storage_withdraw(ALICE, None).expect("withdraw");
    assert!(matches!(relay.add(ALICE, key(2), &[Kind::Transfer], CAP), Err(Error::Storage { .. })));
}

#[test]
fn removed_key__should_sign_nothing_and_bring_nothing_back() {
    // Given an intent that was executed, with a deadline a day ahead.
    let mut relay = Relay::new();
    let key = relay.wallet.public_key();
    let now = relay.market.chain.now();
    let executed = relay.wallet.sign(&intent(ALICE, now + DAY_S, relay.pay(5)), 5);
    assert_eq!(relay.one(executed.clone()), None);

    // When its key is removed, nothing that it signs counts.
    relay.remove(ALICE, key).expect("removed");
    let next = relay.sign(relay.pay(5), 6);
    assert_eq!(relay.one(next), Some(Skip::NoKey));

    // Its row stays while the intent could come again: adding the key anew does not let it.
    assert!(matches!(relay.remove(ALICE, key), Err(Error::NothingDue(_))));
    relay.add(ALICE, key, &Kind::ALL, CAP).expect("added");
    assert_eq!(relay.one(executed.clone()), Some(Skip::Nonce));

    // Nor does unregistering, until the deadline has passed.
    relay.remove(ALICE, key).expect("removed");
    let token = relay.market.token;
    relay.market.chain.withdraw(ALICE, token, None).expect("withdraw");
    relay.market.chain.answer(true);
    assert!(matches!(relay.market.chain.storage_unregister(ALICE), Err(Error::InUse(_))));
    relay.market.chain.pass(DAY_S);
    assert!(matches!(relay.remove(ALICE, key), Err(Error::NothingDue(_))), "the last second of the deadline");
    relay.market.chain.pass(1);
    relay.remove(ALICE, key).expect("dropped");
    assert_eq!(relay.market.account(ALICE).keys, []);
    assert_eq!(relay.one(executed), Some(Skip::Expired));
    assert_eq!(relay.market.chain.storage_unregister(ALICE), Ok(true));
    check(&relay.market.chain);
}

#[test]
fn unregister__should_take_resting_keys_with_it() {
    let mut relay = Relay::new();
    let key = relay.wallet.public_key();
    relay.add(BOB, key, &[Kind::Transfer], 1).expect("key");
    assert_eq!(relay.market.chain.storage_unregister(BOB), Ok(true));
    check(&relay.market.chain);
    relay.market.chain.storage_deposit(BOB, NEAR).expect("again");
    assert_eq!(relay.market.account(BOB).keys, [], "an account that comes back has no keys");
}
