//! `intents_execute` on a market with every kind of key: what was signed is the fuzzer's, and so is what became of it on the
//! way to the contract.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use piecework_interface::{amount::Amount, call::{DepositMessage, IntentKeyAddArgs}, draw::At, event::Entry, ids::TokenId, intent::{Draft, Intent, SignedIntent}, key::{Kind, Kinds}, terms::Terms};
use piecework_compact::{codec, json};

use piecework_fuzz::{
    chain::{CONTRACT, Call, NEAR},
    check::check,
    market::{Market, NODES, REQUESTER, TOKEN, terms},
    sign::Wallet,
};

/// Bytes before each message: wallet, flaw, number, seconds that pass before it, how long it is (two bytes).
const HEAD: usize = 6;
/// Intents of one input at most.
const INTENTS: usize = 12;
/// This bit of the flaw sends the intent in the same call as the next one.
const TOGETHER: u8 = 0x80;

fuzz_target!(|bytes: &[u8]| {
    assert_eq!(codec::decode::<Vec<SignedIntent>>(bytes), borsh::from_slice(bytes).ok());
    let mut market = start().clone();
    let (mut left, mut waiting, mut changed) = (bytes, Vec::new(), false);
    for _ in 0..INTENTS {
        let Some((&[wallet, flaw, number, seconds, low, high], rest)) = left.split_first_chunk::<HEAD>() else { break };
        let (message, rest) = rest.split_at(rest.len().min(usize::from(u16::from_le_bytes([low, high]))));
        left = rest;
        if let Ok(text) = str::from_utf8(message) {
            read_alike(text);
            waiting.push(signed(text, wallet, flaw & !TOGETHER, number.into()));
        }
        if flaw & TOGETHER == 0 && !waiting.is_empty() {
            market.chain.pass(seconds.into());
            changed |= relay(&mut market, &core::mem::take(&mut waiting));
        }
    }
    if changed {
        check(&market.chain);
    }
});

/// The contract and serde read the same text alike.
fn read_alike(text: &str) {
    let (Ok(ours), Ok(theirs)) = (json::parse::<Draft>(text), serde_json::from_str::<Intent>(text)) else { return };
    let again = serde_json::to_string(&theirs).expect("json");
    assert_eq!(json::parse::<Draft>(&again), Ok(ours));
}

/// An intent, and whether it is what its wallet signed for this contract.
fn signed(text: &str, wallet: u8, flaw: u8, number: u64) -> (SignedIntent, bool) {
    let wallet = Wallet::new(wallet % 5);
    let mut intent = wallet.sign_text(text.to_owned(), number, if flaw == 1 { "other.near" } else { CONTRACT });
    match flaw {
        2 => intent.signature[usize::from(text.len() as u8 % 64)] ^= 1,
        3 => intent.nonce[usize::from(text.len() as u8 % 32)] ^= 1,
        4 => intent.message.push(' '),
        5 => intent.public_key = Wallet::new(1).public_key(),
        6 => intent.callback_url = Some(String::new()),
        _ => return (intent, true),
    }
    let changed = flaw != 5 || wallet.public_key() != intent.public_key;
    (intent, !changed)
}

/// Relays them in one call; whether anything came of it. What somebody else signed, or another account's key, or a number
/// twice, is never executed, and a refused call writes nothing.
fn relay(market: &mut Market, intents: &[(SignedIntent, bool)]) -> bool {
    let before = market.clone();
    let list: Vec<_> = intents.iter().map(|(intent, _)| intent.clone()).collect();
    let Ok(entries) = market.chain.execute(&list) else {
        assert_eq!(before.chain.storage, market.chain.storage, "a failed call wrote");
        return false;
    };
    let mut used = Vec::new();
    for entry in &entries {
        let Entry::Intent { op, account, public_key, nonce, failed, .. } = entry else { continue };
        let (intent, genuine) = &intents[usize::from(*op)];
        assert!(*genuine && intent.public_key == *public_key && intent.number() == *nonce);
        let named = &before.chain.mirror.accounts[account];
        assert_eq!(json::parse::<Draft>(&intent.message).expect("read").account_id, named.account_id);
        let key = named.row.keys.iter().find(|key| key.public_key == *public_key);
        assert!(key.is_none_or(|key| !key.numbers.contains(nonce)) && !used.contains(&(*account, *public_key, *nonce)));
        used.push((*account, *public_key, *nonce));
        let may = key.is_none_or(|key| key.limit.is_none_or(|limit| limit.daily_cap.0 > 0));
        assert!(may || failed.is_some());
    }
    true
}

/// A lot that can be challenged, accounts with keys for everything, for small transfers, for challenges alone, removed
/// ones, and an implicit account.
fn start() -> &'static Market {
    static START: OnceLock<Market> = OnceLock::new();
    START.get_or_init(|| {
        let mut market = Market::new(6);
        let token = market.token;
        let now = market.chain.now();
        let batch = market.batch(Terms { reward: Amount(1_000_000), challenge_window_s: 100_000, ..terms(now) }, 3);
        market.draw(NODES[0], batch, At::Group(0));
        let answers: &[u8] = &[1, 2, 3];
        market.round(batch, 0, &[NODES[0], NODES[1], NODES[2]].map(|node| (node, answers)));
        let mut key = |who: &str, wallet: u8, kinds: Kinds, token: TokenId, cap: u128| {
            let (public_key, daily_cap) = (Wallet::new(wallet).public_key(), Amount(cap));
            let args = IntentKeyAddArgs { public_key, kinds, token, daily_cap };
            market.chain.call(Call::by(who).with(1), |engine| engine.intent_key_set(args)).expect("key");
        };
        key(REQUESTER, 1, Kinds::EVERY, token, 10_u128.pow(9));
        key(REQUESTER, 2, Kinds::of(&[Kind::Transfer]), token, 500);
        key(NODES[0], 1, Kinds::of(&[Kind::Challenge]), token, 10_u128.pow(9));
        key(NODES[1], 2, Kinds::EVERY, token, 0);
        key(NODES[1], 2, Kinds::NONE, token, 0);
        let implicit = Wallet::new(3).implicit();
        market.chain.storage_deposit(&implicit, NEAR / 10).expect("account");
        for who in [REQUESTER, NODES[0], &implicit] {
            market.chain.transfer_call(TOKEN, who, 10_u128.pow(10), DepositMessage::Deposit {}).expect("deposit");
        }
        market
    })
}
