//! Many intents in one call.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    call::{BatchCreateArgs, BatchSpec, INTENT_GAS, intents_gas},
    event::Entry,
    intent::{Action, INTENTS_MAX, SignedIntent},
    skip::Skip,
};

use super::{ALICE, BOB, CAP, Relay};
use crate::{
    chain::{CONTRACT, Call, NEAR},
    check::check,
    market::{Market, REQUESTER, terms},
    sign::withdraw,
};

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
    assert_eq!((relay.market.balance(BOB), relay.last_number()), (30, 4));
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
