//! Signed intents: what they do, and each way to cheat with one.

mod batches;
mod calls;
mod cheats;
mod implicit;
mod keys;
mod moves;

use crate::{
    chain::{Call, NEAR},
    check::check,
    market::{Market, TOKEN},
    sign::{Wallet, intent, transfer},
};
use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount,
    call::{DepositMessage, IntentKeyAddArgs},
    event::Entry,
    ids::TokenId,
    intent::{Action, Intent, SignedIntent},
    key::{IntentKey, Kind, Kinds, PublicKey},
    skip::Skip,
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

    /// The highest number that Alice's wallet used.
    fn last_number(&self) -> u64 {
        self.key(ALICE, self.wallet.public_key()).expect("key").numbers.last().copied().unwrap_or_default()
    }

    fn spent(&self) -> u128 {
        self.key(ALICE, self.wallet.public_key()).and_then(|key| key.limit).expect("limit").spent.0
    }
}
