//! The reward token against what the standards ask: NEP-141, NEP-145, NEP-148.

use std::path::Path;

use piecework_client::Call;
use serde_json::{Value, json};

use crate::{
    chain::{Actor, COORDINATOR, Chain},
    market::{NEAR, TERA},
};

/// A token whose owner gave Alice 1,000, Bob registered, and a coordinator that is registered and refuses every message.
struct Token {
    chain: Chain,
    token: Actor,
    alice: Actor,
    bob: Actor,
    market: Actor,
}

impl Token {
    fn start() -> Self {
        let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/contracts");
        let mut chain = Chain::new().expect("a chain");
        let mut account = |name: &str, wasm: Option<&str>| {
            let wasm = wasm.map(|wasm| contracts.join(wasm));
            chain.account(name, 100, wasm.as_deref()).expect("an account")
        };
        let market = account(COORDINATOR, Some("piecework_coordinator.wasm"));
        let token = account("token", Some("piecework_reward_token.wasm"));
        let (alice, bob) = (account("alice", None), account("bob", None));
        let mut this = Self { chain, token, alice, bob, market };
        let token = this.token.clone();
        this.call(&token, "new", &new(&token, &json!({})), 0).expect("new");
        for who in [this.alice.clone(), this.bob.clone(), this.market.clone()] {
            this.call(&who, "storage_deposit", &json!({}), NEAR).expect("storage");
        }
        this.call(&token, "mint", &json!({"account_id": this.alice.id, "amount": "1000"}), 1).expect("mint");
        this
    }

    /// Calls the token; the error says why a receipt of the call failed.
    fn call(&mut self, who: &Actor, method: &'static str, args: &Value, deposit: u128) -> anyhow::Result<()> {
        let args = serde_json::to_vec(args)?;
        self.chain.call(who, &self.token.id, Call { method, args, gas: 100 * TERA, deposit }).map(drop)
    }

    /// Asserts that a call fails with a text, changing no balance.
    fn refuses(&mut self, who: &Actor, (method, args, deposit): (&'static str, Value, u128), text: &str) {
        let before = self.all();
        let error = format!("{:?}", self.call(who, method, &args, deposit).expect_err(method));
        assert!(error.contains(text), "{error}");
        assert_eq!(self.all(), before);
    }

    fn view(&self, method: &str, args: &Value) -> Value {
        let args = serde_json::to_vec(args).expect("json");
        let answer = self.chain.view(&self.token.id, method, &args).expect(method);
        serde_json::from_slice(&answer).expect("json")
    }

    fn balance(&self, who: &Actor) -> Value {
        self.view("ft_balance_of", &json!({"account_id": who.id}))
    }

    /// Supply and balances.
    fn all(&self) -> [Value; 4] {
        let supply = self.view("ft_total_supply", &json!({}));
        [supply, self.balance(&self.alice), self.balance(&self.bob), self.balance(&self.market)]
    }

    /// What the last call logged.
    fn logs(&self) -> Vec<String> {
        self.chain.ran().iter().flat_map(|ran| ran.logs.clone()).collect()
    }

    fn minimum(&self) -> u128 {
        let bounds = self.view("storage_balance_bounds", &json!({}));
        assert_eq!(bounds["min"], bounds["max"]);
        bounds["min"].as_str().expect("text").parse().expect("an amount")
    }
}

fn new(owner: &Actor, changes: &Value) -> Value {
    let mut metadata = json!({"spec": "ft-1.0.0", "name": "Reward \"one\"", "symbol": "RWD", "decimals": 6});
    for (name, value) in changes.as_object().expect("an object") {
        metadata[name] = value.clone();
    }
    json!({"owner_id": owner.id, "total_supply_cap": "1500", "metadata": metadata})
}

fn transfer(to: &Actor, amount: &str) -> (&'static str, Value, u128) {
    ("ft_transfer", json!({"receiver_id": to.id, "amount": amount}), 1)
}

#[test]
fn ft_transfer__should_move_the_amount_and_log_it() {
    let mut token = Token::start();
    let (alice, bob) = (token.alice.clone(), token.bob.clone());
    let args = json!({"receiver_id": bob.id, "amount": "400", "memo": "for \"work\" \n"});
    token.call(&alice, "ft_transfer", &args, 1).expect("transfer");
    assert_eq!(token.all(), ["1000", "600", "400", "0"]);
    let log = token.logs().remove(0);
    let event: Value = serde_json::from_str(log.strip_prefix("EVENT_JSON:").expect("an event")).expect("json");
    let data = json!([{"old_owner_id": alice.id, "new_owner_id": bob.id, "amount": "400", "memo": "for \"work\" \n"}]);
    assert_eq!(event, json!({"standard": "nep141", "version": "1.0.0", "event": "ft_transfer", "data": data}));
}

#[test]
fn ft_transfer__should_refuse_what_the_standard_refuses() {
    let mut token = Token::start();
    let (alice, bob, nobody) = (token.alice.clone(), token.bob.clone(), token.token.clone());
    for deposit in [0, 2] {
        let (method, args, _) = transfer(&bob, "1");
        token.refuses(&alice, (method, args, deposit), "exactly 1 yoctoNEAR");
    }
    token.refuses(&alice, transfer(&bob, "0"), "positive");
    token.refuses(&alice, transfer(&alice, "1"), "different");
    token.refuses(&alice, transfer(&bob, "1001"), "enough balance");
    token.refuses(&alice, transfer(&nobody, "1"), "is not registered");
    token.refuses(&nobody, transfer(&bob, "1"), "is not registered");
    token.refuses(&alice, transfer(&bob, "-1"), "`amount`");
    token.refuses(&alice, ("ft_transfer", json!({"amount": "1"}), 1), "`receiver_id`");
    token.refuses(&alice, ("ft_transfer", json!({"receiver_id": "No Account", "amount": "1"}), 1), "`receiver_id`");
}

#[test]
fn ft_transfer_call__should_take_back_what_the_receiver_refused() {
    let mut token = Token::start();
    let (alice, market) = (token.alice.clone(), token.market.clone());
    let args = json!({"receiver_id": market.id, "amount": "300", "msg": "{\"deposit\":{}}"});
    // The receiver is not even initialised, so its receipt fails and the resolver's does not.
    token.call(&alice, "ft_transfer_call", &args, 1).expect("the transaction succeeds with nothing used");
    assert_eq!(token.all(), ["1000", "1000", "0", "0"]);
    let logs = token.logs();
    assert_eq!(logs.len(), 2, "{logs:?}");
    assert!(logs[1].contains("\"memo\":\"refund\""), "{logs:?}");
    token.refuses(&alice, ("ft_transfer_call", args, 0), "exactly 1 yoctoNEAR");
}

#[test]
fn ft_resolve_transfer__should_be_the_contracts_own() {
    let mut token = Token::start();
    let (alice, bob) = (token.alice.clone(), token.bob.clone());
    let args = json!({"sender_id": bob.id, "receiver_id": alice.id, "amount": "500"});
    token.refuses(&bob, ("ft_resolve_transfer", args, 0), "ERR_CALLER");
}

#[test]
fn storage_deposit__should_register_for_the_minimum_and_pay_the_rest_back() {
    let mut token = Token::start();
    let (alice, carol) = (token.alice.clone(), token.chain.account("carol", 10, None).expect("an account"));
    let minimum = token.minimum();
    let of_carol = json!({"account_id": carol.id});
    assert_eq!(token.view("storage_balance_of", &of_carol), Value::Null);

    // One yocto less than the minimum registers nobody.
    token.refuses(&alice, ("storage_deposit", of_carol.clone(), minimum - 1), "less than the minimum");
    assert_eq!(token.view("storage_balance_of", &of_carol), Value::Null);

    // What is above the minimum comes back, and so does all of a second deposit.
    for (deposit, kept) in [(NEAR, minimum), (NEAR, 0)] {
        let (alice_before, token_before) = (token.chain.near(&alice.id), token.chain.near(&token.token.id));
        token.call(&alice, "storage_deposit", &of_carol, deposit).expect("storage");
        let paid = alice_before - token.chain.near(&alice.id);
        assert!((kept..kept + NEAR / 100).contains(&paid), "{paid}");
        let gained = token.chain.near(&token.token.id) - token_before;
        assert!((kept..kept + NEAR / 100).contains(&gained), "{gained}");
        let balance = json!({"total": minimum.to_string(), "available": "0"});
        assert_eq!(token.view("storage_balance_of", &of_carol), balance);
    }
}

#[test]
fn storage_withdraw__should_have_nothing_to_give() {
    let mut token = Token::start();
    let (alice, nobody) = (token.alice.clone(), token.token.clone());
    token.call(&alice, "storage_withdraw", &json!({"amount": "0"}), 1).expect("nothing");
    token.call(&alice, "storage_withdraw", &json!({}), 1).expect("nothing");
    token.refuses(&alice, ("storage_withdraw", json!({"amount": "1"}), 1), "greater than the available");
    token.refuses(&alice, ("storage_withdraw", json!({}), 0), "exactly 1 yoctoNEAR");
    token.refuses(&nobody, ("storage_withdraw", json!({}), 1), "is not registered");
}

#[test]
fn storage_unregister__should_close_only_what_is_empty_unless_forced() {
    let mut token = Token::start();
    let (alice, bob) = (token.alice.clone(), token.bob.clone());
    token.refuses(&alice, ("storage_unregister", json!({}), 1), "positive balance without force");
    token.refuses(&alice, ("storage_unregister", json!({"force": true}), 0), "exactly 1 yoctoNEAR");

    // Bob has nothing: his deposit comes back, and he is gone.
    let before = token.chain.near(&bob.id);
    token.call(&bob, "storage_unregister", &json!({}), 1).expect("bob");
    assert!(token.chain.near(&bob.id) + NEAR / 1_000 > before + token.minimum());
    assert_eq!(token.view("storage_balance_of", &json!({"account_id": bob.id})), Value::Null);
    token.call(&bob, "storage_unregister", &json!({}), 1).expect("nothing to close");
    token.refuses(&alice, transfer(&bob, "1"), "is not registered");

    // What Alice has is burnt by force.
    token.call(&alice, "storage_unregister", &json!({"force": true}), 1).expect("alice");
    assert_eq!(token.all(), ["0", "0", "0", "0"]);
    assert!(token.logs()[0].contains("\"event\":\"ft_burn\""), "{:?}", token.logs());
}

#[test]
fn mint__should_be_the_owners_up_to_the_cap() {
    let mut token = Token::start();
    let (owner, alice) = (token.token.clone(), token.alice.clone());
    let mint = |to: &Actor, amount: &str, deposit| ("mint", json!({"account_id": to.id, "amount": amount}), deposit);
    token.refuses(&alice, mint(&alice, "1", 1), "ERR_CALLER");
    token.refuses(&owner, mint(&alice, "1", 0), "exactly 1 yoctoNEAR");
    token.refuses(&owner, mint(&alice, "0", 1), "ERR_AMOUNT");
    token.refuses(&owner, mint(&alice, "501", 1), "ERR_CAP");
    token.refuses(&owner, mint(&owner, "1", 1), "ERR_ACCOUNT");
    let (method, args, deposit) = mint(&alice, "500", 1);
    token.call(&owner, method, &args, deposit).expect("up to the cap");
    assert_eq!(token.all(), ["1500", "1500", "0", "0"]);
    assert!(token.logs()[0].contains("\"event\":\"ft_mint\""), "{:?}", token.logs());
    assert_eq!(token.view("owner", &json!({})), json!(owner.id));
    assert_eq!(token.view("total_supply_cap", &json!({})), "1500");
}

#[test]
fn ft_metadata__should_be_what_new_was_given() {
    let mut token = Token::start();
    let plain = json!({
        "spec": "ft-1.0.0", "name": "Reward \"one\"", "symbol": "RWD", "icon": null, "reference": null,
        "reference_hash": null, "decimals": 6,
    });
    assert_eq!(token.view("ft_metadata", &json!({})), plain);
    let source = token.view("contract_source_metadata", &json!({}));
    assert_eq!(source["standards"][0], json!({"standard": "nep141", "version": "1.0.0"}));
    let owner = token.token.clone();
    let again = ("new", new(&owner, &json!({})), 0);
    token.refuses(&owner, again, "ERR_INITIALISED");
}

#[test]
fn new__should_refuse_metadata_that_the_standard_does_not_know() {
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/contracts");
    let mut chain = Chain::new().expect("a chain");
    let wasm = contracts.join("piecework_reward_token.wasm");
    let token = chain.account("token", 100, Some(&wasm)).expect("an account");
    let hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let wrong = [
        json!({"spec": "ft-2.0.0"}),
        json!({"reference": "https://example.com"}),
        json!({"reference_hash": hash}),
        json!({"reference": "https://example.com", "reference_hash": &hash[..40]}),
        json!({"decimals": 256}),
        json!({"decimals": null}),
    ];
    let mut call = |metadata: &Value, deposit| {
        let args = serde_json::to_vec(&new(&token, metadata)).expect("json");
        chain.call(&token, &token.id, Call { method: "new", args, gas: 30 * TERA, deposit })
    };
    for metadata in wrong {
        assert!(call(&metadata, 0).is_err(), "{metadata}");
    }
    let right = json!({"reference": "https://example.com", "reference_hash": hash, "icon": "data:,"});
    assert!(call(&right, 1).is_err(), "no deposit");
    call(&right, 0).expect("the standard's");
}
