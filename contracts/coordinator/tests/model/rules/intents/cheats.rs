//! What is signed, and each way to cheat with it.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    config::Config,
    governance::Change,
    host::sha256,
    intent::{Intent, SignedIntent},
    key::Kind,
    skip::Skip,
};

use super::{ALICE, BOB, CAP, DAY_S, Relay};
use crate::{
    chain::{CONTRACT, Call, OWNER},
    market::config,
    sign::{Wallet, intent},
};

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
    let first = relay.sign(relay.pay(5), 5);
    // Twice in one call and again in another: once is all.
    assert_eq!(relay.execute(&[first.clone(), first.clone()]), [None, Some(Skip::Nonce)]);
    assert_eq!(relay.one(first.clone()), Some(Skip::Nonce));
    // Nor when sixteen later ones made the key forget it.
    for number in 6..22 {
        let later = relay.sign(relay.pay(5), number);
        assert_eq!(relay.one(later), None);
    }
    assert_eq!(relay.one(first), Some(Skip::Nonce));
    let ahead = (u64::from(relay.market.chain.now()) + u64::from(DAY_S)) * 1_000 + 1;
    let ahead = relay.sign(relay.pay(5), ahead);
    assert_eq!(relay.one(ahead), Some(Skip::Nonce), "more than a day ahead would shut out what comes now");
    assert_eq!(relay.market.balance(BOB), 17 * 5);
}

#[test]
fn audit_18__should_let_a_later_intent_that_comes_first_void_none() {
    let mut relay = Relay::new();
    let (earlier, later) = (relay.sign(relay.pay(700), 1), relay.sign(relay.pay(5), 2));
    assert_eq!(relay.one(later), None);
    assert_eq!(relay.one(earlier), None);
    assert_eq!(relay.market.balance(BOB), 705);
    // A wallet's random nonce is refused, and burns no numbers of the key.
    let random = relay.sign(relay.pay(1), u64::MAX / 3);
    assert_eq!(relay.one(random), Some(Skip::Nonce));
    let next = relay.sign(relay.pay(1), 3);
    assert_eq!(relay.one(next), None);
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
    for chain_id in ["mainnet", "", "tes", "Test"] {
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
    for (number, chain_id) in ["main", "test"].iter().enumerate() {
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
