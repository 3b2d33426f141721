use base64::{Engine as _, prelude::BASE64_STANDARD};
use piecework_client::{Call, calls, token};
use piecework_interface::{
    amount::Amount,
    call::{BatchSpec, ChallengeArgs, IntentKeyAddArgs},
    ids::{BatchId, LotId, TokenId},
    key::{Kind, Kinds, PublicKey},
    terms::Terms,
};
use piecework_store::{
    PgPool,
    token_metadata::{TokenMetadata, token_metadata_put},
};
use reqwest::Response;
use serde_json::{Value, json};

use crate::testing::{Gateway, Market, REQUESTER, problem, terms};

/// Later than any block of a market, and within the longest life of a batch.
const LATER: u32 = 4_000_200_000;

async fn post(gateway: &Gateway, name: &str, body: &Value) -> Response {
    let url = format!("{}/v1/transactions/{name}", gateway.url);
    gateway.http.post(url).body(body.to_string()).send().await.unwrap()
}

/// What is to be signed for the requester.
async fn asked(gateway: &Gateway, name: &str, mut args: Value) -> Value {
    args["signer_id"] = json!(REQUESTER);
    let response = post(gateway, name, &args).await;
    let (status, body) = (response.status(), response.text().await.unwrap());
    assert_eq!(status, 200, "{name} {args}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Asserts that the transaction is one call of a contract, as the catalogue makes it.
fn is_call(transaction: &Value, receiver_id: &str, call: &Call) {
    assert_eq!(transaction["receiver_id"], receiver_id);
    let action = &transaction["actions"][0];
    assert_eq!(transaction["actions"].as_array().unwrap().len(), 1);
    assert_eq!(action["method_name"], call.method);
    assert_eq!((&action["gas"], &action["deposit"]), (&json!(call.gas.to_string()), &json!(call.deposit.to_string())));
    assert_eq!(BASE64_STANDARD.decode(action["args_base64"].as_str().unwrap()).unwrap(), call.args);
    assert_eq!(action["args"], serde_json::from_slice::<Value>(&call.args).unwrap());
}

fn spec() -> BatchSpec {
    let terms = Terms { expires_at: LATER, ..terms() };
    BatchSpec { terms, items: 3_000, manifest: [5; 32], uri: "blob:05".to_owned(), ..BatchSpec::default() }
}

/// A gateway over the market with work, whose reward token has a symbol.
async fn with_work(pool: &PgPool) -> (Market, Gateway) {
    let market = Market::with_work(pool).await;
    let metadata = TokenMetadata { symbol: "PWT".to_owned(), decimals: 6 };
    token_metadata_put(&mut pool.acquire().await.unwrap(), TokenId(1), &metadata).await.unwrap();
    (market, Gateway::start(pool).await)
}

const CONTRACT: &str = piecework_coordinator::testing::CONTRACT;

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn batch_create__should_lock_the_escrow_of_the_balance_or_of_a_transfer(pool: PgPool) {
    // Given a requester without a balance
    let (_market, gateway) = with_work(&pool).await;

    // When it asks for a batch out of its balance
    let body = json!({ "token": 1, "batch": spec() });
    let transaction = asked(&gateway, "batch-create", body.clone()).await;

    // Then it is told what is locked, 5 copies of 3,000 items at 100 and 2 %, and that its balance lacks it
    is_call(&transaction, CONTRACT, &calls::batch_create(TokenId(1), spec()));
    assert_eq!(
        transaction["description"],
        "Locks 1.53 PWT for 3,000 items of class 0 (digits) and creates a batch that expires on Thu, 04 Oct 2096 14:40:00 GMT."
    );
    let warning = format!("the balance of {REQUESTER} is 0 PWT: deposit 1.53 PWT more before");
    assert_eq!(transaction["warnings"], json!([warning]));

    // And a transfer brings it along
    let mut body = body;
    body["pay_from"] = json!("token");
    let transaction = asked(&gateway, "batch-create", body).await;
    is_call(&transaction, "reward.test.near", &token::batch_create(CONTRACT, 1_530_000, spec()));
    assert_eq!(transaction["warnings"], json!([]));
}

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn transactions__should_be_calls_of_the_catalogue_with_a_sentence(pool: PgPool) {
    // Given a batch with work
    let (_market, gateway) = with_work(&pool).await;
    let key = PublicKey([1; 32]);
    let add = IntentKeyAddArgs {
        public_key: key,
        kinds: Kinds::of(&[Kind::Append, Kind::Cancel, Kind::ExtendExpiry]),
        token: TokenId(1),
        daily_cap: Amount(2_500_000),
    };
    let near = |amount: u128| json!({ "amount": amount.to_string() });
    let batch = BatchId(0);

    // When every other transaction is asked for
    let cases = [
        (
            "batch-cancel",
            json!({ "batch": 0 }),
            calls::batch_cancel(batch),
            "Cancels batch 0, which holds 0.00768 PWT: no more lots begin, and what is not paid returns to the balance of requester.test.near.",
        ),
        (
            "batch-skip-lots",
            json!({ "batch": 0, "lots": [3, 4] }),
            calls::batch_skip_lots(batch, vec![LotId(3), LotId(4)]),
            "Closes those of lots 3 and 4 of batch 0 that no node holds, and returns their escrow.",
        ),
        (
            "storage-deposit",
            near(5 * 10_u128.pow(23)),
            calls::storage_deposit(REQUESTER, 5 * 10_u128.pow(23)),
            "Adds 0.5 NEAR to the storage deposit of requester.test.near.",
        ),
        (
            "storage-deposit",
            json!({ "account_id": "new.test.near", "amount": (10_u128.pow(23)).to_string() }),
            calls::storage_deposit("new.test.near", 10_u128.pow(23)),
            "Registers new.test.near with a storage deposit of 0.1 NEAR.",
        ),
        (
            "storage-withdraw",
            near(10_u128.pow(24)),
            calls::storage_withdraw(Some(10_u128.pow(24))),
            "Returns 1 NEAR of the storage deposit to requester.test.near.",
        ),
        (
            "deposit",
            json!({ "token": 1, "amount": "12240000" }),
            token::deposit(CONTRACT, 12_240_000),
            "Sends 12.24 PWT to market.near and credits the balance of requester.test.near.",
        ),
        (
            "withdraw",
            json!({ "token": 1, "amount": "5" }),
            calls::withdraw(TokenId(1), Some(5)),
            "Sends 0.000005 PWT out of the balance of requester.test.near to it.",
        ),
        (
            "intent-key-add",
            serde_json::to_value(&add).unwrap(),
            calls::intent_key_add(&add),
            "Lets the key ed25519:4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi sign for requester.test.near, up to 2.5 PWT a UTC day: append, extend expiry and cancel.",
        ),
        (
            "intent-key-remove",
            json!({ "public_key": key }),
            calls::intent_key_remove(key),
            "Takes every right from the key ed25519:4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi of requester.test.near.",
        ),
    ];

    // Then each is the catalogue's call, and says what it does
    for (name, args, call, description) in cases {
        let transaction = asked(&gateway, name, args).await;
        let receiver = if name == "deposit" { "reward.test.near" } else { CONTRACT };
        is_call(&transaction, receiver, &call);
        assert_eq!(transaction["description"], description);
        let warns = ["withdraw", "intent-key-remove"].contains(&name);
        assert_eq!(!transaction["warnings"].as_array().unwrap().is_empty(), warns, "{name}: {transaction}");
    }

    // And nothing is stored: the answer is of a block, and no copy
    let response = post(&gateway, "batch-cancel", &json!({ "signer_id": REQUESTER, "batch": 0 })).await;
    assert!(response.headers().contains_key("x-indexed-height") && !response.headers().contains_key("etag"));
}

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn batches__should_grow_and_live_longer_by_what_is_asked(pool: PgPool) {
    // Given an appendable batch of the requester
    let mut market = Market::open(&pool, 1).await;
    let batch = market.post_appendable(8);
    market.commit().await;
    let gateway = Gateway::start(&pool).await;

    // When lots and time are asked for, of a token without a symbol
    let append = json!({ "batch": batch, "items": 4, "manifest": "06".repeat(32), "uri": "blob:06" });
    let transaction = asked(&gateway, "batch-append", append).await;
    let longer = asked(&gateway, "batch-extend-expiry", json!({ "batch": batch, "expires_at": LATER })).await;

    // Then the escrow is told in units: 5 copies of 4 items at 100 and 2 %
    assert_eq!(transaction["description"], "Locks 2040 units of reward.test.near for 4 items more of batch 0.");
    assert_eq!(transaction["actions"][0]["args"]["items"], 4);
    is_call(&longer, CONTRACT, &calls::batch_extend_expiry(batch, LATER));
    assert!(longer["description"].as_str().unwrap().starts_with("Lets batch 0 expire on Thu, 04 Oct 2096"));
}

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn challenge__should_take_the_deposit_of_its_items(pool: PgPool) {
    // Given a provisional lot of four items
    let mut market = Market::open(&pool, 3).await;
    let batch = market.provisional();
    market.commit().await;
    let gateway = Gateway::start(&pool).await;

    // When two items are challenged
    let args = json!({ "batch": batch, "lot": 0, "items": [0, 3] });
    let transaction = asked(&gateway, "challenge", args.clone()).await;

    // Then 5.5 rewards are put up for each
    let lot = LotId(0);
    is_call(
        &transaction,
        CONTRACT,
        &calls::challenge(&ChallengeArgs { batch, lot, items: vec![0, 3], evidence: [0; 32] }),
    );
    assert_eq!(
        transaction["description"],
        "Locks 1100 units of reward.test.near as a deposit and challenges the result of items 0 and 3 of lot 0 of batch 0: a jury decides."
    );

    // And what the lot does not have is refused
    for items in [json!([]), json!([4]), json!([64])] {
        let body = json!({ "signer_id": REQUESTER, "batch": batch, "lot": 0, "items": items });
        assert_eq!(problem(post(&gateway, "challenge", &body).await).await, (422, "impossible".to_owned()), "{items}");
    }
}

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn challenge__should_take_the_deposit_of_the_lot_s_own_reward(pool: PgPool) {
    // Given a provisional lot whose batch was raised to three times the reward since
    let mut market = Market::open(&pool, 3).await;
    let batch = market.provisional();
    market.raise(batch, 300);
    market.commit().await;
    let gateway = Gateway::start(&pool).await;

    // When an item of it is challenged, then the deposit is 5.5 rewards of its first claim
    let transaction = asked(&gateway, "challenge", json!({ "batch": batch, "lot": 0, "items": [0] })).await;
    assert_eq!(
        transaction["description"],
        "Locks 550 units of reward.test.near as a deposit and challenges the result of item 0 of lot 0 of batch 0: a jury decides."
    );
}

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn transactions__should_refuse_what_the_contract_would_refuse(pool: PgPool) {
    // Given a batch of the requester, with a short last lot
    let (_market, gateway) = with_work(&pool).await;
    let creation = |change: fn(&mut Value)| {
        let mut body = json!({ "signer_id": REQUESTER, "token": 1, "batch": spec() });
        change(&mut body);
        ("batch-create", body)
    };
    let of = |signer_id: &str, batch: u32| json!({ "signer_id": signer_id, "batch": batch });
    let stranger = "node1.test.near";
    let append = json!({ "signer_id": REQUESTER, "batch": 0, "items": 4, "manifest": "06".repeat(32), "uri": "" });

    // When transactions are asked for that would fail
    let (impossible, missing, refused) = ((422, "impossible"), (404, "not-found"), (400, "refused"));
    let cases = [
        (creation(|body| body["batch"]["terms"]["reward"] = json!("101")), impossible),
        (creation(|body| body["batch"]["terms"]["expires_at"] = json!(1)), impossible),
        (creation(|body| body["batch"]["items"] = json!(0)), impossible),
        (creation(|body| body["batch"]["uri"] = json!("x".repeat(257))), impossible),
        (creation(|body| body["batch"]["callback"] = json!({ "account_id": "hook.near", "tgas": 4 })), impossible),
        (creation(|body| body["batch"]["referrer"] = json!({ "account": 0, "part_pct": 51 })), impossible),
        (creation(|body| body["batch"]["referrer"] = json!({ "account": 99, "part_pct": 5 })), missing),
        (creation(|body| body["token"] = json!(0)), impossible),
        (creation(|body| body["token"] = json!(2)), missing),
        (creation(|body| body["batch"]["terms"]["class"] = json!(9)), missing),
        (creation(|body| body["batch"]["terms"]["rewards"] = json!("100")), refused),
        (creation(|body| body["batch"]["manifest"] = json!("05")), refused),
        (creation(|body| body["signer_id"] = json!("No Account")), refused),
        (("batch-append", append), impossible),
        (("batch-cancel", of(stranger, 0)), impossible),
        (("batch-cancel", of(REQUESTER, 7)), missing),
        (("batch-forget", of(REQUESTER, 0)), impossible),
        (("batch-extend-expiry", json!({ "signer_id": REQUESTER, "batch": 0, "expires_at": 5 })), impossible),
        (("batch-skip-lots", json!({ "signer_id": REQUESTER, "batch": 0, "lots": [5] })), missing),
        (("batch-skip-lots", json!({ "signer_id": REQUESTER, "batch": 0, "lots": [] })), impossible),
        (("challenge", json!({ "signer_id": REQUESTER, "batch": 0, "lot": 0, "items": [0] })), impossible),
        (("deposit", json!({ "signer_id": REQUESTER, "token": 0, "amount": "5" })), impossible),
        (("withdraw", json!({ "signer_id": REQUESTER, "token": 1 })), impossible),
        (("storage-deposit", json!({ "signer_id": "new.test.near", "amount": "5" })), impossible),
        (("storage-withdraw", json!({ "signer_id": REQUESTER, "amount": (10_u128.pow(27)).to_string() })), impossible),
        (("storage-withdraw", json!({ "signer_id": "new.test.near" })), missing),
    ];

    // Then each says why
    for ((name, body), (status, code)) in cases {
        assert_eq!(problem(post(&gateway, name, &body).await).await, (status, code.to_owned()), "{name} {body}");
    }
    let long = json!({ "signer_id": REQUESTER, "batch": 0, "note": "x".repeat(16 * 1024) });
    assert_eq!(problem(post(&gateway, "batch-cancel", &long).await).await, (413, "too-large".to_owned()));
}

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn transactions__should_warn_an_account_that_is_not_registered(pool: PgPool) {
    // Given an account that the contract does not know
    let (_market, gateway) = with_work(&pool).await;

    // When it asks for a batch
    let body = json!({ "signer_id": "new.test.near", "token": 1, "batch": spec(), "pay_from": "token" });
    let transaction: Value = post(&gateway, "batch-create", &body).await.json().await.unwrap();

    // Then it is told what comes first
    let warning = "new.test.near is not registered: it makes a storage deposit before";
    assert_eq!(transaction["warnings"], json!([warning]));
}
