//! The contract's JSON against serde_json's: what clients send is read, what views answer is understood.

use piecework_compact::json::{Write, to_string};
use piecework_coordinator::{
    engine::Error,
    json::{self, Args, CreateArgs},
};
use piecework_interface::{
    amount::Amount,
    call::{
        BatchCreateArgs, BatchSkipLotsArgs, Deposit, DepositMessage, IntentKeyAddArgs, NodeRegisterArgs, TokenListArgs,
        WithdrawArgs,
    },
    config::Config,
    draw::{At, Draw},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    key::{Kind, Kinds, PublicKey},
    view,
};
use serde_json::json;

use super::{
    chain::{Call, NEAR},
    market::{Market, REQUESTER, terms},
};

fn text(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("json")
}

/// Reads the arguments of a method that has exactly the fields of the value.
fn read(value: &impl serde::Serialize) -> Args {
    let value = serde_json::to_value(value).expect("json");
    let names: Vec<&'static str> =
        value.as_object().expect("an object").keys().map(|name| &*name.clone().leak()).collect();
    json::arguments(&text(&value), names.leak()).expect("arguments")
}

#[test]
fn parse__should_read_what_serde_json_writes() {
    let listed = TokenListArgs {
        account_id: "token.near".to_owned(),
        min_reward: Amount(1),
        rep_unit: Amount(u128::MAX),
        bond_rate: Amount(3),
    };
    let args = read(&listed);
    assert_eq!((args.account_id, args.rep_unit), (Some(listed.account_id), Some(Amount(u128::MAX))));
    assert_eq!(
        read(&NodeRegisterArgs { classes: vec![ClassId(1), ClassId(9)] }).classes,
        Some(vec![ClassId(1), ClassId(9)])
    );
    let args = read(&WithdrawArgs { token: TokenId(2), amount: None });
    assert_eq!((args.token, args.amount), (Some(TokenId(2)), None));
    let args = read(&BatchSkipLotsArgs { batch: BatchId(3), lots: vec![LotId(4)] });
    assert_eq!((args.batch, args.lots), (Some(BatchId(3)), Some(vec![LotId(4)])));
    let key = IntentKeyAddArgs {
        public_key: PublicKey([9; 32]),
        kinds: Kinds::of(&[Kind::Withdraw, Kind::CreateBatch]),
        token: TokenId(1),
        daily_cap: Amount(u128::MAX),
    };
    let args = read(&key);
    assert_eq!((args.public_key, args.kinds), (Some(key.public_key), Some(key.kinds)));
    assert_eq!((args.token, args.daily_cap), (Some(key.token), Some(key.daily_cap)));
    let config = Config { fee_bps: 7, chain_id: "main\"net".to_owned(), ..Config::default() };
    assert_eq!(read(&json!({"owner_id": "o", "config": config})).config, Some(config));
}

#[test]
fn parse__should_read_a_batch_with_escapes() {
    let mut spec = Market::spec(terms(0), 900);
    spec.uri = "https://a.b/\"quoted\\path\"\n\u{1F600}".to_owned();
    let args = BatchCreateArgs { token: TokenId(1), batch: spec.clone() };
    let create = CreateArgs { token: args.token, batch: args.batch.clone(), account: None };
    assert_eq!(json::parse::<CreateArgs>(&text(&args)), Ok(create));

    // A token passes the message as a string inside JSON.
    let message = DepositMessage::CreateBatch(spec);
    let call = json!({"sender_id": "a.near", "amount": "12", "msg": serde_json::to_string(&message).expect("json")});
    let args = read(&call);
    let read = json::parse::<Deposit>(args.msg.expect("msg").as_bytes());
    assert_eq!(read, Ok(Deposit { message: message.clone(), receiver_id: None, account: None }));
    let deposit = |account| Deposit { message: DepositMessage::Deposit {}, receiver_id: None, account };
    assert_eq!(json::parse(b"{\"deposit\":{}}"), Ok(deposit(None)));
    assert_eq!(json::parse(b"{\"account\":7,\"deposit\":{}}"), Ok(deposit(Some(AccountNo(7)))));

    // In either message it may say for whom it is.
    for message in [DepositMessage::Deposit {}, message] {
        let text = message_for(&message, "b.near");
        let read = json::parse::<Deposit>(text.as_bytes());
        assert_eq!(read, Ok(Deposit { message, receiver_id: Some("b.near".to_owned()), account: None }), "{text}");
    }
}

/// The text of a message for another account.
fn message_for(message: &DepositMessage, receiver: &str) -> String {
    let mut value = serde_json::to_value(message).expect("json");
    for object in value.as_object_mut().expect("an object").values_mut() {
        object["for"] = receiver.into();
    }
    value.to_string()
}

#[test]
fn audit_15__should_refuse_what_a_method_does_not_take() {
    // A guardian would be removed, and everything withdrawn.
    let guardian = json::arguments(br#"{"role":"guardian","accounts_id":"safe.near"}"#, &["role", "account_id"]);
    assert_eq!(guardian, Err(Error::Unknown("accounts_id")));
    let withdrawal = |text: &str| json::arguments(text.as_bytes(), &["token", "amount", "account"]);
    assert_eq!(withdrawal(r#"{"token":1,"amounts":"5"}"#), Err(Error::Unknown("amounts")));
    assert_eq!(withdrawal(r#"{"token":1,"amount":"5","amount":"6"}"#), Err(Error::Repeated("amount")));
    assert_eq!(withdrawal(r#"{"token":1,"amount":null,"amount":"6"}"#), Err(Error::Repeated("amount")));
    assert_eq!(withdrawal(r#"{"token":1,"limit":5}"#), Err(Error::Unknown("limit")), "it is another method's");
    // Nor at any depth.
    let spec = serde_json::to_value(Market::spec(terms(0), 9)).expect("json");
    let batch = |name: &str, at: &str| {
        let mut spec = spec.clone();
        *spec.pointer_mut(at).and_then(|at| at.as_object_mut()).expect("an object").entry(name).or_insert(json!(1)) =
            json!(1);
        json::parse::<CreateArgs>(&text(&json!({"token": 1, "batch": spec}))).err()
    };
    assert_eq!(batch("quorum", ""), Some(Error::Unknown("quorum")));
    assert_eq!(batch("rewards", "/terms"), Some(Error::Unknown("rewards")));
    let deposit = |text: &str| json::parse::<Deposit>(text.as_bytes()).err();
    assert_eq!(deposit(r#"{"deposit":{"fro":"b.near"}}"#), Some(Error::Unknown("fro")));
    assert_eq!(deposit(r#"{"deposit":{"for":"a.near","for":"b.near"}}"#), Some(Error::Repeated("for")));
    assert_eq!(deposit(r#"{"deposit":{},"for":"b.near"}"#), Some(Error::Unknown("for")), "it stands inside");
    assert_eq!(batch("for", ""), Some(Error::Unknown("for")), "a batch from a balance is the caller's");
    let wanted = message_for(&DepositMessage::CreateBatch(Market::spec(terms(0), 9)), "b.near");
    assert_eq!(deposit(&wanted.replacen("\"for\"", "\"from\"", 1)), Some(Error::Unknown("from")));
    assert_eq!(deposit(r#"{"account":7,"deposit":{},"account":8}"#), Some(Error::Repeated("account")));
}

#[test]
fn arguments__should_be_read_past_spaces_and_nulls() {
    let args = json::arguments(b" { \"limit\" : 5 , \"from\":null }\n", &["from", "limit"]).expect("read");
    assert_eq!(args, Args { limit: Some(5), ..Args::default() });
}

#[test]
fn parse__should_name_the_argument_that_does_not_do() {
    for bad in ["", "{", "nonsense", "{\"limit\":5}}", "[]", "{\"limit\" 5}", "{\"limit\":5,}"] {
        assert_eq!(json::arguments(bad.as_bytes(), Args::NAMES), Err(Error::Json), "{bad}");
    }
    for (bad, field) in [
        ("{\"limit\":-1}", "limit"),
        ("{\"limit\":4294967296}", "limit"),
        ("{\"limit\":\"5\"}", "limit"),
        ("{\"limit\":5.0}", "limit"),
        ("{\"amount\":5}", "amount"),
        ("{\"amount\":\"340282366920938463463374607431768211456\"}", "amount"),
        ("{\"amount\":\"-1\"}", "amount"),
        ("{\"classes\":[65536]}", "classes"),
        ("{\"batch\":{}}", "batch"),
        ("{\"msg\":5}", "msg"),
        ("{\"config\":{\"bounds\":{\"slice_s\":[1]}}}", "slice_s"),
        ("{\"public_key\":\"secp256k1:x\"}", "public_key"),
        ("{\"kinds\":[\"seize\"]}", "kinds"),
    ] {
        assert_eq!(json::arguments(bad.as_bytes(), Args::NAMES), Err(Error::Argument(field)), "{bad}");
    }
    assert_eq!(json::arguments(b"\xFF", Args::NAMES), Err(Error::Json));
    for (bad, field) in [
        ("{\"create_batch\":{}}", "terms"),
        ("{\"create_batch\":{\"terms\":{\"class\":1}}}", "reward"),
        ("{\"deposit\":{},\"create_batch\":{}}", "msg"),
        ("{}", "msg"),
    ] {
        assert_eq!(json::parse::<Deposit>(bad.as_bytes()), Err(Error::Argument(field)), "{bad}");
    }
    for bad in ["", "\"deposit\"", "{\"deposit\":{}}x"] {
        assert_eq!(json::parse::<Deposit>(bad.as_bytes()), Err(Error::Json), "{bad}");
    }
}

#[test]
fn views__should_be_what_serde_json_writes() {
    // Given a market with a batch, a lot in reveals, and balances.
    let mut market = Market::new(3);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 5);
    market.draw("a.near", batch, At::Group(0));
    for node in ["a.near", "b.near", "c.near"] {
        market.claim(node, batch, 0).expect("claim");
        market.commit(node, batch, 0, &[1, 2, 3]).expect("commit");
    }
    market.reveal("a.near", batch, 0, &[1, 2, 3]).expect("reveal");
    let call = Call::by(REQUESTER).with(NEAR);
    market.chain.call(call, |engine| engine.storage_deposit(None, false)).expect("deposit");
    let key = IntentKeyAddArgs {
        public_key: PublicKey([9; 32]),
        kinds: Kinds::EVERY,
        token: TokenId(1),
        daily_cap: Amount(7),
    };
    let call = Call::by(REQUESTER).with(1);
    market.chain.call(call, |engine| engine.intent_key_set(key)).expect("key");

    // Then every view is written field for field as clients read it.
    fn same<T: serde::Serialize + Write>(value: &T) {
        let ours: serde_json::Value = serde_json::from_str(&to_string(value)).expect("json");
        assert_eq!(ours, serde_json::to_value(value).expect("json"));
    }
    same(&market.account("a.near"));
    same(&market.account(REQUESTER));
    same(&market.view_batch(batch));
    same(&view::Lot { batch, lot: LotId(0), state: market.lot(batch, 0).expect("lot") });
    same(&view::Lot { batch, lot: LotId(0), state: view::LotState { draw: Draw::Opened(7), ..Default::default() } });
    same(&market.chain.view(|engine| engine.view_root()));
    same(&market.chain.view(|mut engine| engine.view_tokens()).expect("tokens"));
    same(&market.chain.view(|mut engine| engine.view_config()).expect("config"));
    same(&None::<view::Batch>);
    for status in [view::NodeStatus::Active, view::NodeStatus::Paused, view::NodeStatus::Silent] {
        same(&status);
    }
    for status in [view::BatchStatus::Open, view::BatchStatus::Cancelled, view::BatchStatus::Closed] {
        same(&status);
    }
    for phase in [view::LotPhase::Working, view::LotPhase::Revealing, view::LotPhase::Provisional] {
        same(&phase);
    }
}
