//! Signed intents: what they do, and each way to cheat with one.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount,
    call::{BatchCreateArgs, BatchSpec, DepositMessage, INTENT_GAS, IntentKeyAddArgs, intents_gas},
    config::Config,
    event::Entry,
    governance::{Change, Feature},
    host::sha256,
    ids::{BatchId, NEAR as NEAR_TOKEN, TokenId},
    intent::{
        Action, INTENT_KEYS_MAX, INTENTS_MAX, Intent, IntentKey, Kind, Kinds, MEMO_MAX, Payment, PublicKey,
        SignedIntent,
    },
    op::{At, Target},
    skip::Skip,
    storage,
    terms::Terms,
    view::NodeStatus,
};

use super::revenue::{FEE, earn, settle_epoch};
use crate::{
    chain::{CONTRACT, Call, NEAR, OWNER},
    check::check,
    market::{Market, REQUESTER, TOKEN, config, terms},
    sign::{Wallet, intent, payment, transfer, withdraw},
};

const ALICE: &str = "alice.near";
const BOB: &str = "bob.near";
const DAY_S: u32 = 86_400;
const CAP: u128 = 1_000_000;

/// Alice with tokens and a key for everything, Bob with an account.
struct Relay {
    market: Market,
    wallet: Wallet,
}

impl Relay {
    fn new() -> Self {
        let mut relay = Self { market: Market::new(0), wallet: Wallet::new(1) };
        for who in [ALICE, BOB] {
            relay.market.chain.storage_deposit(who, NEAR).expect("account");
        }
        relay.fund(ALICE, 10 * CAP);
        let key = relay.wallet.public_key();
        relay.add(ALICE, key, &Kind::ALL, CAP).expect("key");
        relay
    }

    fn fund(&mut self, who: &str, amount: u128) {
        self.market.chain.transfer_call(TOKEN, who, amount, DepositMessage::Deposit {}).expect("deposit");
    }

    fn add(&mut self, who: &str, public_key: PublicKey, kinds: &[Kind], cap: u128) -> Result<(), Error> {
        let token = self.market.token;
        let args = IntentKeyAddArgs { public_key, kinds: Kinds::of(kinds), token, daily_cap: Amount(cap) };
        let result = self.market.chain.call(Call::by(who).with(1), |engine| engine.intent_key_set(args));
        check(&self.market.chain);
        result
    }

    fn remove(&mut self, who: &str, public_key: PublicKey) -> Result<(), Error> {
        let args = IntentKeyAddArgs {
            public_key,
            kinds: Kinds::NONE,
            token: TokenId::default(),
            daily_cap: Amount::default(),
        };
        let result = self.market.chain.call(Call::by(who).with(1), |engine| engine.intent_key_set(args));
        check(&self.market.chain);
        result
    }

    fn intent(&self, who: &str, kind: Action) -> Intent {
        intent(who, self.market.chain.now() + 600, kind)
    }

    fn pay(&self, amount: u128) -> Action {
        transfer(BOB, self.market.token, amount)
    }

    /// Alice's wallet signs.
    fn sign(&self, kind: Action, nonce: u64) -> SignedIntent {
        self.wallet.sign(&self.intent(ALICE, kind), nonce)
    }

    /// The outcome of each intent of a call, in order: its code, if it was skipped or failed.
    fn execute(&mut self, intents: &[SignedIntent]) -> Vec<Option<Skip>> {
        let before = self.market.chain.storage.clone();
        let result = self.market.chain.execute(intents);
        check(&self.market.chain);
        match result {
            Ok(entries) => entries
                .iter()
                .filter_map(|entry| match entry {
                    Entry::Intent { failed, .. } => Some(*failed),
                    Entry::Skipped { code, .. } => Some(Some(*code)),
                    _ => None,
                })
                .collect(),
            Err(Error::Intents(code)) => {
                assert_eq!(self.market.chain.storage, before, "what is skipped changes nothing");
                vec![Skip::from_code(code)]
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn one(&mut self, intent: SignedIntent) -> Option<Skip> {
        let [outcome] = self.execute(&[intent])[..] else { panic!("one outcome") };
        outcome
    }

    fn key(&self, who: &str, public_key: PublicKey) -> Option<IntentKey> {
        self.market.account(who).keys.into_iter().find(|key| key.public_key == public_key)
    }

    fn nonce(&self) -> u64 {
        self.key(ALICE, self.wallet.public_key()).expect("key").nonce
    }

    fn spent(&self) -> u128 {
        self.key(ALICE, self.wallet.public_key()).and_then(|key| key.limit).expect("limit").spent.0
    }
}

#[test]
fn transfer__should_move_balance_by_a_signature_alone() {
    let mut relay = Relay::new();
    let intent = relay.sign(relay.pay(700), 1);
    assert_eq!(relay.one(intent), None);
    assert_eq!((relay.market.balance(ALICE), relay.market.balance(BOB)), (10 * CAP - 700, 700));
    assert_eq!((relay.nonce(), relay.spent()), (1, 700));
}

#[test]
fn digest__should_be_the_one_of_nep_413() {
    // The bytes that a wallet signs, spelled out.
    let mut signed = SignedIntent { message: "hi".to_owned(), nonce: [9; 32], ..SignedIntent::default() };
    let mut bytes = 2_147_484_061_u32.to_le_bytes().to_vec();
    bytes.extend(borsh::to_vec(&("hi", [9_u8; 32], "market.near", None::<String>)).expect("borsh"));
    assert_eq!(signed.digest(sha256, CONTRACT), sha256(&bytes));
    signed.callback_url = Some("https://a.b".to_owned());
    bytes.pop();
    bytes.extend(borsh::to_vec(&signed.callback_url).expect("borsh"));
    assert_eq!(signed.digest(sha256, CONTRACT), sha256(&bytes));
}

#[test]
fn callback_url__should_be_part_of_what_was_signed() {
    let mut relay = Relay::new();
    let mut intent = relay.sign(relay.pay(1), 1);
    intent.callback_url = Some("https://wallet.example/back".to_owned());
    assert_eq!(relay.one(intent.clone()), Some(Skip::Signature));
    let intent = relay.wallet.seal(intent, CONTRACT);
    assert_eq!(relay.one(intent), None);
}

#[test]
fn tip__should_carry_a_word() {
    let mut relay = Relay::new();
    let memo = Some("\"thanks\"\n\u{1F600}".to_owned());
    let tip = Payment { memo: memo.clone(), ..payment(BOB, relay.market.token, 5) };
    let intent = relay.sign(Action::Tip(tip.clone()), 1);
    assert_eq!(relay.one(intent), None);
    let entries = &relay.market.chain.lines.last().expect("line").log;
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Transferred { memo: word, .. } if *word == memo)));
    let long = Payment { memo: Some("x".repeat(MEMO_MAX + 1)), ..tip };
    let intent = relay.sign(Action::Tip(long), 2);
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
    assert_eq!((relay.market.balance(ALICE), relay.nonce(), relay.spent()), (balance, 5, 0));
    assert_eq!(relay.market.account(ALICE).storage_used, used);
    assert_eq!(relay.market.chain.mirror.root.next_batch, 0);
    assert_eq!(relay.one(intent), Some(Skip::Nonce), "a failed intent does not come again");
}

/// Three nodes that worked for the token's fees; the first has a key for collecting, of no other use.
fn collector() -> Relay {
    let mut relay = Relay { market: Market::new(4), wallet: Wallet::new(1) };
    earn(&mut relay.market, ["a.near", "b.near", "c.near"]);
    let key = relay.wallet.public_key();
    relay.add("a.near", key, &[Kind::CollectRevenue], 0).expect("key");
    relay
}

#[test]
fn collect_revenue__should_need_neither_token_nor_cap() {
    // Given a key with a cap of nothing, while the epoch still runs.
    let mut relay = collector();
    let sign = |relay: &Relay, nonce| relay.wallet.sign(&relay.intent("a.near", Action::CollectRevenue {}), nonce);
    let early = sign(&relay, 1);
    assert_eq!(relay.one(early), Some(Skip::Revenue));
    relay.market.chain.pass(config().epoch_s);
    settle_epoch(&mut relay.market).expect("over");

    // When its intent is relayed, the node gets its share, once.
    let before = relay.market.balance("a.near");
    let (second, third) = (sign(&relay, 2), sign(&relay, 3));
    assert_eq!(relay.execute(&[second, third]), [None, Some(Skip::Revenue)]);
    assert_eq!(relay.market.balance("a.near") - before, FEE / 3);

    // Then the key moves nothing of it, and a key without the kind, or an account without a node, collects nothing.
    let pay = relay.wallet.sign(&relay.intent("a.near", transfer("b.near", relay.market.token, 1)), 4);
    assert_eq!(relay.one(pay), Some(Skip::KeyKind));
    let key = relay.wallet.public_key();
    relay.add("b.near", key, &[Kind::Tip], CAP).expect("key");
    let other = relay.wallet.sign(&relay.intent("b.near", Action::CollectRevenue {}), 1);
    assert_eq!(relay.one(other), Some(Skip::KeyKind));
    relay.add(REQUESTER, key, &[Kind::CollectRevenue], 0).expect("key");
    let nobody = relay.wallet.sign(&relay.intent(REQUESTER, Action::CollectRevenue {}), 1);
    assert_eq!(relay.one(nobody), Some(Skip::Revenue));
}

#[test]
fn collect_revenue__should_not_take_liveness_from_a_relayer() {
    // Given a node that was silent for so long that it was made inactive.
    let mut relay = collector();
    relay.market.chain.pass(config().epoch_s);
    settle_epoch(&mut relay.market).expect("over");
    let number = relay.market.chain.number("a.near");
    relay.market.chain.poke(&[Target::Node(number)]).expect("silent");
    let seen = relay.market.node("a.near").last_seen;

    // When somebody relays what it signed, it is paid and stays silent.
    let signed = relay.wallet.sign(&relay.intent("a.near", Action::CollectRevenue {}), 1);
    assert_eq!(relay.one(signed), None);
    let node = relay.market.node("a.near");
    assert_eq!((node.status, node.last_seen), (NodeStatus::Silent, seen));
}

#[test]
fn collect_revenue__should_change_nothing_without_storage_for_it() {
    // Given fees in a token that one of the nodes never kept, and no room in its deposit.
    let mut relay = collector();
    relay.market.chain.list_token("other.near");
    let now = relay.market.chain.now();
    let spec = Market::spec(Terms { reward: Amount(1_000_000), ..terms(now) }, 3);
    let batch = BatchId(relay.market.chain.mirror.root.next_batch);
    let message = DepositMessage::CreateBatch(spec);
    relay.market.chain.transfer_call("other.near", REQUESTER, 10_u128.pow(12), message).expect("batch");
    relay.market.draw("b.near", batch, At::Group(0));
    let answers: &[u8] = &[1, 2, 3];
    relay.market.round(batch, 0, &["b.near", "c.near", "d.near"].map(|node| (node, answers)));
    relay.market.chain.pass(config().epoch_s);
    settle_epoch(&mut relay.market).expect("over");
    relay.market.chain.storage_withdraw("a.near", None).expect("withdraw");

    // When it asks for its share, nothing of it comes and nothing is lost.
    let sign = |relay: &Relay, nonce| relay.wallet.sign(&relay.intent("a.near", Action::CollectRevenue {}), nonce);
    let before = relay.market.account("a.near");
    let first = sign(&relay, 1);
    assert_eq!(relay.one(first), Some(Skip::Storage));
    let after = relay.market.account("a.near");
    assert_eq!((&after.balances, after.storage_used), (&before.balances, before.storage_used));

    // Then, with room, it gets both tokens.
    relay.market.chain.storage_deposit("a.near", storage::cost(storage::BALANCE_BYTES)).expect("deposit");
    let second = sign(&relay, 2);
    assert_eq!(relay.one(second), None);
    assert_eq!(relay.market.account("a.near").balances.len(), before.balances.len() + 1);
}

#[test]
fn attack_20__should_not_take_a_key_from_the_message() {
    // Mallory signs for Alice with a key of her own, registered for herself, and for nobody.
    let mut relay = Relay::new();
    let mallory = Wallet::new(66);
    let intent = mallory.sign(&relay.intent(ALICE, relay.pay(1)), 1);
    assert_eq!(relay.one(intent.clone()), Some(Skip::NoKey));
    relay.add(BOB, mallory.public_key(), &Kind::ALL, CAP).expect("key");
    assert_eq!(relay.one(intent.clone()), Some(Skip::NoKey));

    // With Alice's key named beside it, the signature is wrong.
    let forged = SignedIntent { public_key: relay.wallet.public_key(), ..intent };
    assert_eq!(relay.one(forged), Some(Skip::Signature));
}

#[test]
fn attack_20__should_be_bound_to_every_byte_that_was_signed() {
    let mut relay = Relay::new();
    let good = relay.sign(relay.pay(5), 7);
    let mut dearer = good.clone();
    dearer.message = good.message.replace("\"5\"", "\"500\"");
    let mut fresher = good.clone();
    fresher.nonce[7] += 1;
    let mut last = good.clone();
    last.nonce[31] ^= 1;
    let mut flipped = good.clone();
    flipped.signature[40] ^= 1;
    for forged in [dearer, fresher, last, flipped] {
        assert_eq!(relay.one(forged), Some(Skip::Signature));
    }
    assert_eq!(relay.one(good), None);
}

#[test]
fn replay__should_be_a_used_nonce() {
    let mut relay = Relay::new();
    let (fifth, older) = (relay.sign(relay.pay(5), 5), relay.sign(relay.pay(5), 4));
    // Twice in one call, again in another, and an older one: once is all.
    assert_eq!(relay.execute(&[fifth.clone(), fifth.clone()]), [None, Some(Skip::Nonce)]);
    assert_eq!(relay.one(fifth), Some(Skip::Nonce));
    assert_eq!(relay.one(older), Some(Skip::Nonce));
    let zero = relay.sign(relay.pay(5), 0);
    assert_eq!(relay.one(zero), Some(Skip::Nonce), "nonces begin at 1");
    assert_eq!(relay.market.balance(BOB), 5);
}

#[test]
fn other_contract__should_be_a_wrong_signature() {
    let mut relay = Relay::new();
    let text = serde_json::to_string(&relay.intent(ALICE, relay.pay(5))).expect("json");
    let intent = relay.wallet.sign_text(text, 1, "other.near");
    assert_eq!(relay.one(intent), Some(Skip::Signature));
}

#[test]
fn other_chain__should_be_skipped() {
    let mut relay = Relay::new();
    for chain_id in ["mainnet", "", "testne", "Testnet"] {
        let intent = Intent { chain_id: chain_id.to_owned(), ..relay.intent(ALICE, relay.pay(5)) };
        let signed = relay.wallet.sign(&intent, 1);
        assert_eq!(relay.one(signed), Some(Skip::Chain), "{chain_id}");
    }
}

#[test]
fn chain_id__should_be_set_once_and_needed() {
    // Given a contract that does not know its chain, nothing is executed, not even for the empty chain.
    let mut relay = Relay::new();
    let mut chain = crate::chain::Chain::new(Config { chain_id: String::new(), ..config() });
    let empty = Intent { chain_id: String::new(), ..relay.intent(ALICE, relay.pay(5)) };
    let code = Err(Error::Intents(Skip::Chain as u8));
    assert_eq!(chain.execute(&[relay.wallet.sign(&empty, 1)]), code);

    // It may learn the chain once, even when two proposals are on their way.
    let other = |chain_id: &str| Change::Config(Config { chain_id: chain_id.to_owned(), ..config() });
    let by = Call::by(OWNER).with(1);
    for (number, chain_id) in ["mainnet", "testnet"].iter().enumerate() {
        let proposed = chain.call(by, |engine| engine.propose(other(chain_id)));
        assert_eq!(proposed, Ok(u32::try_from(number).expect("number")));
    }
    chain.pass(config().unbonding_s + config().notice_s);
    chain.call(Call::by(OWNER), |engine| engine.apply(0)).expect("applied");
    assert!(matches!(chain.call(Call::by(OWNER), |engine| engine.apply(1)), Err(Error::Input(_))));

    let long = relay.market.chain.call(by, |engine| engine.propose(other(&"x".repeat(33))));
    assert!(matches!(long, Err(Error::Input(_))));
}

#[test]
fn deadline__should_be_ahead_and_within_a_day() {
    let mut relay = Relay::new();
    let now = relay.market.chain.now();
    let at = |relay: &Relay, deadline| relay.wallet.sign(&intent(ALICE, deadline, relay.pay(1)), 1);
    let cases = [
        (now - 1, Some(Skip::Expired)),
        (now + DAY_S + 1, Some(Skip::DeadlineFar)),
        (u32::MAX, Some(Skip::DeadlineFar)),
        (now + DAY_S, None),
    ];
    for (deadline, outcome) in cases {
        let signed = at(&relay, deadline);
        assert_eq!(relay.one(signed), outcome, "{deadline}");
    }
    let last_second = relay.wallet.sign(&intent(ALICE, now, relay.pay(1)), 2);
    assert_eq!(relay.one(last_second), None);
}

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
    relay.add(ALICE, session.public_key(), &[Kind::Tip], 10).expect("key");
    let mut outcome = |kind, nonce| {
        let signed = session.sign(&relay.intent(ALICE, kind), nonce);
        relay.one(signed)
    };
    assert_eq!(outcome(transfer(BOB, token, 1), 1), Some(Skip::KeyKind));
    assert_eq!(outcome(withdraw(token, Some(1)), 2), Some(Skip::KeyKind));
    assert_eq!(outcome(Action::Tip(payment(BOB, other, 1)), 3), Some(Skip::KeyToken));
    assert_eq!(outcome(Action::Tip(payment(BOB, NEAR_TOKEN, 1)), 4), Some(Skip::KeyToken));
    assert_eq!(outcome(Action::Tip(payment(BOB, token, 10)), 5), None);
}

#[test]
fn intent_key_add__should_charge_and_refuse() {
    let mut relay = Relay::new();
    let used = relay.market.account(ALICE).storage_used;
    let key = |seed| Wallet::new(seed).public_key();
    assert_eq!(relay.add("stranger.near", key(2), &[Kind::Tip], CAP), Err(Error::Account("the caller")));
    let call = Call::by(ALICE).with(1);
    let token = TokenId(9);
    let args = IntentKeyAddArgs { public_key: key(2), kinds: Kinds::of(&[Kind::Tip]), token, daily_cap: Amount(1) };
    let unlisted = relay.market.chain.call(call, |engine| engine.intent_key_set(args.clone()));
    assert_eq!(unlisted, Err(Error::Token(token)));
    for deposit in [0, 2] {
        let call = Call::by(ALICE).with(deposit);
        let add = relay.market.chain.call(call, |engine| engine.intent_key_set(args.clone()));
        assert_eq!(add, Err(Error::Deposit("exactly 1 yoctoNEAR")));
    }
    for seed in 2..=u8::try_from(INTENT_KEYS_MAX).expect("keys") {
        relay.add(ALICE, key(seed), &[Kind::Tip], CAP).expect("key");
    }
    assert!(matches!(relay.add(ALICE, key(99), &[Kind::Tip], CAP), Err(Error::Input(_))));
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
    assert!(matches!(relay.add(ALICE, key(2), &[Kind::Tip], CAP), Err(Error::Storage { .. })));
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
    relay.add(BOB, key, &[Kind::Tip], 1).expect("key");
    assert_eq!(relay.market.chain.storage_unregister(BOB), Ok(true));
    check(&relay.market.chain);
    relay.market.chain.storage_deposit(BOB, NEAR).expect("again");
    assert_eq!(relay.market.account(BOB).keys, [], "an account that comes back has no keys");
}

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
    assert_eq!((own.len(), own[0].nonce, own[0].limit), (1, 2, None));

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
    relay.add(&id, carol.public_key(), &[Kind::Tip], 7).expect("added");
    relay.fund(&id, 100);
    let fourth = sign(&relay, relay.pay(1), 3);
    assert_eq!(relay.one(fourth), Some(Skip::KeyKind));
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

#[test]
fn bad_intents__should_not_hurt_good_ones() {
    let mut relay = Relay::new();
    let mut forged = relay.sign(relay.pay(1), 3);
    forged.signature = [0; 64];
    let intents = [
        relay.sign(relay.pay(10), 1),
        SignedIntent { message: "{}".to_owned(), ..forged.clone() },
        forged,
        relay.sign(relay.pay(2 * CAP), 2),
        relay.wallet.sign(&relay.intent("stranger.near", relay.pay(1)), 4),
        relay.sign(relay.pay(20), 4),
    ];
    let outcomes = [None, Some(Skip::Message), Some(Skip::Signature), Some(Skip::KeyCap), Some(Skip::NoAccount), None];
    assert_eq!(relay.execute(&intents), outcomes);
    assert_eq!((relay.market.balance(BOB), relay.nonce()), (30, 4));
    let line = relay.market.chain.lines.last().expect("line");
    let places: Vec<_> = line
        .log
        .iter()
        .filter_map(|entry| match entry {
            Entry::Intent { op, .. } | Entry::Skipped { op, .. } => Some(*op),
            _ => None,
        })
        .collect();
    assert_eq!((line.event.as_str(), places), ("intents_execute", vec![0, 1, 2, 3, 4, 5]));
}

#[test]
fn message__should_be_an_intent_and_nothing_else() {
    let mut relay = Relay::new();
    let good = serde_json::to_string(&relay.intent(ALICE, relay.pay(1))).expect("json");
    let long = format!("{good}{}", " ".repeat(2_048));
    let two = good.replace("\"kind\":{", "\"kind\":{\"withdraw\":{\"token\":1,\"amount\":\"1\"},");
    let none = serde_json::json!({"chain_id": "testnet", "account_id": ALICE, "deadline": 9, "kind": {}}).to_string();
    for text in ["", "transfer", "{}", &long, &two, &none, &good.replace("transfer", "seize"), &good[1..]] {
        let signed = relay.wallet.sign_text(text.to_owned(), 1, CONTRACT);
        assert_eq!(relay.one(signed), Some(Skip::Message), "{text}");
    }
    let spaced = relay.wallet.sign_text(format!(" {good}\n"), 1, CONTRACT);
    assert_eq!(relay.one(spaced), None);
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
        let nonce = relay.nonce() + 1;
        let signed = relay.sign(transfer(receiver, relay.market.token, amount), nonce);
        assert_eq!(relay.one(signed), Some(code));
    }
}

#[test]
fn intents_execute__should_skip_what_gas_and_log_do_not_cover() {
    let mut relay = Relay::new();
    let token = relay.market.token;
    let intents: Vec<_> = (1..=3).map(|nonce| relay.sign(withdraw(token, Some(1)), nonce)).collect();
    let one = intents_gas(1, 1);
    let codes = |entries: Vec<Entry>| entries.iter().filter(|entry| matches!(entry, Entry::Skipped { .. })).count();
    let none = relay.market.chain.execute_with_gas(one - 3 * INTENT_GAS, &intents);
    assert_eq!(none, Err(Error::Intents(Skip::NoRoom as u8)));
    assert_eq!(codes(relay.market.chain.execute_with_gas(one, &intents).expect("executed")), 2);
    check(&relay.market.chain);

    // Sixteen batches with URIs of the worst characters do not fit one line of log: the rest waits for the next call.
    relay.market.chain.storage_deposit(ALICE, NEAR).expect("deposit");
    let uri = "\u{1}".repeat(200);
    let spec = || BatchSpec { uri: uri.clone(), ..Market::spec(terms(relay.market.chain.now()), 1) };
    let batches: Vec<_> = (10..10 + INTENTS_MAX as u64)
        .map(|nonce| relay.sign(Action::CreateBatch(BatchCreateArgs { token, batch: spec() }), nonce))
        .collect();
    let done = |outcomes: &[Option<Skip>]| outcomes.iter().filter(|code| code.is_none()).count();
    let outcomes = relay.execute(&batches);
    assert!(done(&outcomes) >= 6 && outcomes.iter().flatten().all(|code| *code == Skip::NoRoom), "{outcomes:?}");
    let rest = &batches[done(&outcomes)..];
    assert_eq!(relay.execute(rest), vec![None; rest.len()]);
    assert_eq!(relay.market.chain.mirror.batches.len(), INTENTS_MAX);
}

#[test]
fn intents_execute__should_refuse_bad_lists() {
    let mut relay = Relay::new();
    let intent = relay.sign(relay.pay(1), 1);
    assert!(matches!(relay.market.chain.execute(&[]), Err(Error::Input(_))));
    let many = vec![intent.clone(); INTENTS_MAX + 1];
    assert!(matches!(relay.market.chain.execute(&many), Err(Error::Input(_))));
    let call = Call::by(REQUESTER).with(1);
    let paid = relay.market.chain.call(call, |engine| engine.intents_execute(&[intent]));
    assert_eq!(paid, Err(Error::Deposit("nothing")));
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
