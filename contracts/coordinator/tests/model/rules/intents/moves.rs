//! What each kind moves.

use piecework_coordinator::engine::storage_minimum;
use piecework_interface::{
    amount::Amount,
    call::{BatchCreateArgs, DepositMessage, IntentKeyAddArgs},
    event::Entry,
    governance::Feature,
    ids::{BatchId, TokenId},
    intent::{Action, MEMO_MAX, Payment},
    key::{Kind, Kinds},
    skip::Skip,
};

use super::{ALICE, BOB, CAP, Relay};
use crate::{
    chain::{Call, OWNER},
    check::check,
    market::{Market, TOKEN, terms},
    sign::{Wallet, payment, transfer, withdraw},
};

#[test]
fn transfer__should_move_balance_by_a_signature_alone() {
    let mut relay = Relay::new();
    let intent = relay.sign(relay.pay(700), 1);
    assert_eq!(relay.one(intent), None);
    assert_eq!((relay.market.balance(ALICE), relay.market.balance(BOB)), (10 * CAP - 700, 700));
    assert_eq!((relay.last_number(), relay.spent()), (1, 700));
}

#[test]
fn transfer__should_carry_a_word() {
    let mut relay = Relay::new();
    let memo = Some("\"thanks\"\n\u{1F600}".to_owned());
    let thanks = Payment { memo: memo.clone(), ..payment(BOB, relay.market.token, 5) };
    let intent = relay.sign(Action::Transfer(thanks.clone()), 1);
    assert_eq!(relay.one(intent), None);
    let entries = &relay.market.chain.lines.last().expect("line").log;
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Transferred { memo: word, .. } if *word == memo)));
    let long = Payment { memo: Some("x".repeat(MEMO_MAX + 1)), ..thanks };
    let intent = relay.sign(Action::Transfer(long), 2);
    assert_eq!(relay.one(intent), Some(Skip::Message));
}

#[test]
fn withdraw__should_send_and_restore_what_was_refused() {
    let mut relay = Relay::new();
    let token = relay.market.token;
    let (first, second) = (relay.sign(withdraw(token, Some(300)), 1), relay.sign(withdraw(token, Some(200)), 2));

    // Two withdrawals of one call, each with an answer of its own.
    assert_eq!(relay.execute(&[first, second]), [None, None]);
    assert_eq!((relay.market.balance(ALICE), relay.market.account(ALICE).in_flight), (10 * CAP - 500, 2));
    relay.market.chain.answer(false);
    check(&relay.market.chain);
    relay.market.chain.answer(true);
    check(&relay.market.chain);
    assert_eq!((relay.market.balance(ALICE), relay.market.account(ALICE).in_flight), (10 * CAP - 200, 0));
    assert_eq!(relay.market.chain.ledger[&(TOKEN.to_owned(), ALICE.to_owned())], 200);

    // What came back is not given back to the cap, and everything is more than the cap.
    assert_eq!(relay.spent(), 500);
    let intent = relay.sign(withdraw(token, None), 3);
    assert_eq!(relay.one(intent), Some(Skip::KeyCap));
}

fn create(relay: &Relay, items: u32) -> Action {
    let terms = terms(relay.market.chain.now());
    Action::CreateBatch(BatchCreateArgs { token: relay.market.token, batch: Market::spec(terms, items) })
}

#[test]
fn create_batch__should_count_its_escrow() {
    let mut relay = Relay::new();
    let intent = relay.sign(create(&relay, 9), 1);
    assert_eq!(relay.one(intent), None);
    let open = relay.market.view_batch(BatchId(0)).open.expect("open");
    assert_eq!(open.requester, relay.market.chain.number(ALICE));
    assert_eq!(relay.spent(), open.escrow.0);
}

#[test]
fn create_batch__should_change_nothing_but_the_nonce_when_it_fails() {
    let mut relay = Relay::new();
    // Bad terms, too dear for the balance, too dear for the storage deposit, paused: nothing stays of any of them.
    let kinds = [Kind::CreateBatch];
    let key = relay.wallet.public_key();
    relay.add(ALICE, key, &kinds, u128::MAX).expect("key");
    let balance = relay.market.balance(ALICE);
    let intent = relay.sign(create(&relay, 0), 1);
    assert_eq!(relay.one(intent), Some(Skip::Terms));
    let intent = relay.sign(create(&relay, u32::MAX), 2);
    assert_eq!(relay.one(intent), Some(Skip::Balance));
    let unlisted = match create(&relay, 1) {
        Action::CreateBatch(args) => Action::CreateBatch(BatchCreateArgs { token: TokenId(9), ..args }),
        other => other,
    };
    let intent = relay.sign(unlisted, 3);
    assert_eq!(relay.one(intent), Some(Skip::KeyToken));
    let used = relay.market.account(ALICE).storage_used;
    relay.market.chain.storage_withdraw(ALICE, None).expect("withdraw");
    let intent = relay.sign(create(&relay, 1), 4);
    assert_eq!(relay.one(intent), Some(Skip::Storage));
    relay.market.chain.call(Call::by(OWNER).with(1), |engine| engine.pause(&[Feature::Batches])).expect("pause");
    let intent = relay.sign(create(&relay, 1), 5);
    assert_eq!(relay.one(intent.clone()), Some(Skip::Stopped));
    assert_eq!((relay.market.balance(ALICE), relay.last_number(), relay.spent()), (balance, 5, 0));
    assert_eq!(relay.market.account(ALICE).storage_used, used);
    assert_eq!(relay.market.chain.mirror.root.next_batch, 0);
    assert_eq!(relay.one(intent), Some(Skip::Nonce), "a failed intent does not come again");
}

#[test]
fn transfer__should_not_cost_the_receiver_storage() {
    // Given Bob, who keeps one token in his record, and a second one of Alice's.
    let mut relay = Relay::new();
    relay.market.chain.list_token("other.near");
    let other = TokenId(2);
    relay.market.chain.transfer_call("other.near", ALICE, 100, DepositMessage::Deposit {}).expect("deposit");
    let key = Wallet::new(2);
    let args = IntentKeyAddArgs {
        public_key: key.public_key(),
        kinds: Kinds::of(&[Kind::Transfer]),
        token: other,
        daily_cap: Amount(CAP),
    };
    relay.market.chain.call(Call::by(ALICE).with(1), |engine| engine.intent_key_set(args)).expect("key");
    let first = relay.sign(relay.pay(5), 1);
    assert_eq!(relay.one(first), None);
    let used = relay.market.account(BOB).storage_used;

    // When Alice sends him the second, it fails: he never asked for its row.
    let signed = key.sign(&relay.intent(ALICE, transfer(BOB, other, 5)), 1);
    assert_eq!(relay.one(signed), Some(Skip::Receiver));
    assert_eq!(relay.market.account(BOB).storage_used, used);
    relay.market.chain.transfer_call("other.near", BOB, 1, DepositMessage::Deposit {}).expect("deposit");
    let signed = key.sign(&relay.intent(ALICE, transfer(BOB, other, 5)), 2);
    assert_eq!(relay.one(signed), None);

    // Nor is there a transfer to oneself, to strangers, or of nothing.
    for (receiver, amount, code) in
        [(ALICE, 1, Skip::Receiver), ("stranger.near", 1, Skip::Receiver), (BOB, 0, Skip::Amount)]
    {
        let nonce = relay.last_number() + 1;
        let signed = relay.sign(transfer(receiver, relay.market.token, amount), nonce);
        assert_eq!(relay.one(signed), Some(code));
    }
}

#[test]
fn audit_11__should_leave_room_for_an_account_s_own_deposit_whatever_is_sent_to_it() {
    // Given an account with the least deposit, to which dust of two tokens is sent.
    let mut relay = Relay::new();
    let victim = Wallet::new(9).implicit();
    let least = storage_minimum();
    assert!(relay.market.chain.storage_deposit(&victim, least - 1).is_err(), "less would leave no row");
    relay.market.chain.storage_deposit(&victim, least).expect("account");
    let mut dust = |name: &str, token, wallet: u8| {
        relay.market.chain.list_token(name);
        relay.market.chain.transfer_call(name, ALICE, 100, DepositMessage::Deposit {}).expect("deposit");
        let key = Wallet::new(wallet);
        let args = IntentKeyAddArgs {
            public_key: key.public_key(),
            kinds: Kinds::of(&[Kind::Transfer]),
            token,
            daily_cap: Amount(CAP),
        };
        relay.market.chain.call(Call::by(ALICE).with(1), |engine| engine.intent_key_set(args)).expect("key");
        let signed = key.sign(&relay.intent(ALICE, transfer(&victim, token, 1)), 1);
        relay.one(signed)
    };
    assert_eq!(dust("dust.near", TokenId(2), 2), None, "it takes the record's room");
    assert_eq!(dust("more.near", TokenId(3), 3), Some(Skip::Receiver), "and no row");

    // Then its own first deposit finds one.
    relay.fund(&victim, 1_000);
    assert_eq!(relay.market.balance(&victim), 1_000);
}

#[test]
fn withdrawals_in_flight__should_be_bounded() {
    let mut relay = Relay::new();
    let token = relay.market.token;
    for nonce in 1..=255 {
        let signed = relay.sign(withdraw(token, Some(1)), nonce);
        relay.market.chain.execute(&[signed]).expect("executed");
    }
    let balance = relay.market.balance(ALICE);
    let signed = relay.sign(withdraw(token, Some(1)), 256);
    assert_eq!(relay.one(signed), Some(Skip::Stopped));
    assert_eq!(relay.market.balance(ALICE), balance);
}
