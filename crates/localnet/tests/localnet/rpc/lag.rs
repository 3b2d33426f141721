//! Two endpoints behind one address, one of which lags.

use std::time::{Duration, Instant};

use piecework_localnet::{
    Config,
    node::{Cadence, RpcRules},
};
use serde_json::{Value, json};

use crate::rpc::setup::*;

/// How many blocks the endpoint is behind at most.
const MOST: u64 = 5;

/// A chain that makes blocks only when it is asked to, with an endpoint that lags.
async fn by_hand() -> Setup {
    let cadence = Cadence { interval: Duration::from_secs(86_400), ..Cadence::default() };
    Setup::with(Config { cadence, lag_blocks: MOST, ..Config::ephemeral() }).await
}

impl Setup {
    async fn make(&self, count: u64) {
        self.raw("sandbox_produce_blocks", json!({ "count": count })).await;
    }

    /// The height of an endpoint's newest block.
    async fn head_of(&self, endpoint: &str) -> u64 {
        let status = self.result_of(endpoint, "status", json!([])).await;
        status["sync_info"]["latest_block_height"].as_u64().unwrap()
    }

    async fn result_of(&self, endpoint: &str, method: &str, params: Value) -> Value {
        let (_, answer) = self.raw_of(endpoint, method, params).await;
        assert!(answer.get("result").is_some(), "{endpoint} {method}: {answer}");
        answer["result"].clone()
    }

    /// The name of the error that an endpoint answers with.
    async fn error_of(&self, endpoint: &str, method: &str, params: Value) -> Value {
        self.raw_of(endpoint, method, params).await.1["error"]["cause"]["name"].clone()
    }

    /// Makes blocks until the endpoint is at least so many behind; returns both heads.
    async fn fall_behind(&self, blocks: u64) -> (u64, u64) {
        for _ in 0..1_000 {
            self.make(1).await;
            let (leading, lagging) = (self.head_of("leading").await, self.head_of("lagging").await);
            if leading - lagging >= blocks {
                return (leading, lagging);
            }
        }
        panic!("it never was {blocks} blocks behind");
    }

    async fn raw_of(&self, endpoint: &str, method: &str, params: Value) -> (u16, Value) {
        let body = json!({ "jsonrpc": "2.0", "id": "test", "method": method, "params": params });
        let request = reqwest::Client::new().post(self.localnet.rpc_url()).header("x-localnet-endpoint", endpoint);
        let response = request.json(&body).send().await.unwrap();
        assert_eq!(response.headers()["x-localnet-endpoint"], endpoint);
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

#[tokio::test]
async fn lagging_endpoint__should_be_some_blocks_behind_and_catch_up() {
    // Given an endpoint that is up to five blocks behind
    let setup = by_hand().await;

    // When many blocks come
    let leader = setup.localnet.node();
    let follower = leader.lagging.as_ref().unwrap().node();
    let (mut behind, mut before) = (Vec::new(), 0);
    for _ in 0..1_500 {
        let leading = leader.produce_blocks(1).await.unwrap();
        let lagging = follower.chain.history().head().height();
        assert!(lagging >= before, "it went back from {before} to {lagging}");
        before = lagging;
        behind.push(leading.checked_sub(lagging).unwrap());
    }

    // Then it has been behind by every number of blocks up to five, by none as well, and never by more
    behind.sort_unstable();
    behind.dedup();
    assert_eq!(behind, (0..=MOST).collect::<Vec<_>>());
}

#[tokio::test]
async fn lagging_endpoint__should_know_nothing_above_its_head() {
    // Given an endpoint that is three blocks behind, and a transaction in a block it has not got
    let setup = by_hand().await;
    setup.make(5).await;
    setup.fall_behind(2).await;
    let tx = setup.sign(&"near".parse().unwrap(), vec![transfer(1)]).await;
    let hash = tx.get_hash();
    let encoded = encoded(&tx);
    setup.result_of("leading", "broadcast_tx_async", json!([encoded])).await;
    setup.make(1).await;
    let by_hash = json!({ "tx_hash": hash, "sender_account_id": setup.root, "wait_until": "NONE" });
    let status = setup.result_of("leading", "tx", by_hash.clone()).await;
    let included = status["transaction_outcome"]["block_hash"].clone();
    let at = setup.result_of("leading", "block", json!({ "block_id": included })).await["header"]["height"].clone();
    let at = at.as_u64().unwrap();
    let receipt = json!({ "receipt_id": status["transaction_outcome"]["outcome"]["receipt_ids"][0] });

    // When blocks come until it has that block
    let mut unknown = 0;
    loop {
        let head = setup.head_of("lagging").await;
        let block = setup.result_of("lagging", "block", json!({ "finality": "optimistic" })).await;
        assert_eq!(block["header"]["height"], head);
        let last_final = setup.result_of("lagging", "block", json!({ "finality": "final" })).await;
        assert_eq!(last_final["header"]["height"], head - 2);
        let account = json!({ "request_type": "view_account", "account_id": "near", "finality": "optimistic" });
        let account = setup.result_of("lagging", "query", account).await;
        assert_eq!((&account["block_height"], &account["block_hash"]), (&json!(head), &block["header"]["hash"]));
        if head >= at {
            break;
        }

        // Then it has none of what came with it or after it, until then
        unknown += 1;
        let changes = json!({ "changes_type": "account_changes", "account_ids": ["near"], "block_id": included });
        let proof = json!({ "type": "transaction", "transaction_hash": hash, "sender_id": setup.root,
            "light_client_head": last_final["header"]["hash"] });
        for (method, params, name) in [
            ("block", json!({ "block_id": at }), "UNKNOWN_BLOCK"),
            ("block", json!({ "block_id": included }), "UNKNOWN_BLOCK"),
            ("chunk", json!({ "block_id": included, "shard_id": 0 }), "UNKNOWN_BLOCK"),
            ("changes", changes, "UNKNOWN_BLOCK"),
            ("tx", by_hash.clone(), "UNKNOWN_TRANSACTION"),
            ("EXPERIMENTAL_receipt", receipt.clone(), "UNKNOWN_RECEIPT"),
            ("light_client_proof", proof, "UNKNOWN_TRANSACTION_OR_RECEIPT"),
        ] {
            assert_eq!(setup.error_of("lagging", method, params).await, name, "{method}");
        }
        // A height that is still to come is not one that was skipped.
        let (code, _) = setup.raw_of("lagging", "block", json!({ "block_id": at })).await;
        assert_eq!(code, 200);
        setup.make(1).await;
    }
    assert!(unknown > 0);

    // And then all of it
    let same = setup.result_of("lagging", "tx", by_hash).await;
    assert_eq!(same["transaction_outcome"], status["transaction_outcome"]);
    setup.result_of("lagging", "EXPERIMENTAL_receipt", receipt).await;
}

#[tokio::test]
async fn transaction_sent_to_the_lagging_endpoint__should_be_included() {
    // Given a chain whose blocks come by themselves
    let cadence = Cadence { interval: Duration::from_millis(20), ..Cadence::default() };
    let setup = Setup::with(Config { cadence, lag_blocks: MOST, ..Config::ephemeral() }).await;
    let near = "near".parse().unwrap();

    for wait_until in ["INCLUDED", "EXECUTED_OPTIMISTIC", "FINAL"] {
        // When a transaction is sent to the endpoint that lags, for a block that it knows
        let access_key = json!({ "request_type": "view_access_key", "account_id": setup.root,
            "public_key": setup.signer.public_key(), "finality": "optimistic" });
        let access_key = setup.result_of("lagging", "query", access_key).await;
        let block_hash = access_key["block_hash"].as_str().unwrap().parse().unwrap();
        // The chain has gone further than this endpoint; a nonce far above is free there as well.
        let nonce = access_key["nonce"].as_u64().unwrap() + 10;
        let tx = setup.sign_with(&near, vec![transfer(1)], nonce, block_hash);
        let params = json!({ "signed_tx_base64": encoded(&tx), "wait_until": wait_until });
        let sent = setup.result_of("lagging", "send_tx", params).await;

        // Then it comes as far as it was waited for by that endpoint's blocks
        let included = json!({ "block_id": sent["transaction_outcome"]["block_hash"] });
        let at = setup.result_of("lagging", "block", included.clone()).await["header"]["height"].as_u64().unwrap();
        assert!(at <= setup.head_of("lagging").await);
        setup.result_of("leading", "block", included).await;
    }
}

#[tokio::test]
async fn transaction_for_a_block_that_the_lagging_endpoint_has_not_got__should_be_expired_there() {
    // Given a block that only one of the endpoints has
    let setup = by_hand().await;
    setup.fall_behind(1).await;
    let tx = setup.sign_with(&setup.root, vec![transfer(1)], 1_000, {
        let head = setup.result_of("leading", "block", json!({ "finality": "optimistic" })).await;
        head["header"]["hash"].as_str().unwrap().parse().unwrap()
    });
    let params = json!({ "signed_tx_base64": encoded(&tx), "wait_until": "INCLUDED" });

    // When a transaction names it, the other endpoint refuses it, as nearcore does
    let (_, answer) = setup.raw_of("lagging", "send_tx", params).await;

    // Then nothing has been passed on
    assert_eq!(answer["error"]["data"]["TxExecutionError"]["InvalidTxError"], "Expired", "{answer}");
    assert!(!setup.localnet.node().chain.has_pending());
}

#[tokio::test]
async fn transaction_whose_nonce_the_lagging_endpoint_thinks_free__should_be_passed_on_and_never_come() {
    // Given a nonce that was used in a block which one of the endpoints has not got
    let rules = RpcRules { wait_limit: Duration::from_millis(300), ..RpcRules::default() };
    let cadence = Cadence { interval: Duration::from_secs(86_400), ..Cadence::default() };
    let setup = Setup::with(Config { rules, cadence, lag_blocks: MOST, ..Config::ephemeral() }).await;
    let mut nonce = setup.sign(&setup.root, vec![]).await.transaction.nonce().nonce();
    let late = loop {
        setup.fall_behind(2).await;
        let block = setup.result_of("lagging", "block", json!({ "finality": "final" })).await;
        let block_hash = block["header"]["hash"].as_str().unwrap().parse().unwrap();
        nonce += 1;
        let used = setup.sign_with(&setup.root, vec![transfer(1)], nonce, block_hash);
        setup.raw_of("leading", "broadcast_tx_async", json!([encoded(&used)])).await;
        setup.make(1).await;
        // It may have caught up with that very block.
        if setup.head_of("lagging").await < setup.head_of("leading").await {
            break setup.sign_with(&setup.root, vec![transfer(2)], nonce, block_hash);
        }
    };

    // When another transaction with it is sent there, then it is taken, and neither endpoint ever has it
    let params = json!({ "signed_tx_base64": encoded(&late), "wait_until": "NONE" });
    setup.result_of("lagging", "send_tx", params).await;
    setup.make(20).await;
    for endpoint in ["leading", "lagging"] {
        let params = json!({ "tx_hash": late.get_hash(), "sender_account_id": setup.root, "wait_until": "INCLUDED" });
        let error = setup.error_of(endpoint, "tx", params).await;
        assert!(error == "UNKNOWN_TRANSACTION" || error == "TIMEOUT_ERROR", "{endpoint}: {error}");
    }
}

#[tokio::test]
async fn requests__should_go_to_both_endpoints() {
    // Given two endpoints
    let setup = by_hand().await;
    let client = reqwest::Client::new();

    // When many requests do not say which they mean
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..200 {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "status", "params": [] });
        let response = client.post(setup.localnet.rpc_url()).json(&body).send().await.unwrap();
        *seen.entry(response.headers()["x-localnet-endpoint"].to_str().unwrap().to_owned()).or_insert(0) += 1;
    }

    // Then both answer about half of them
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["lagging", "leading"]);
    assert!(seen.values().all(|count| (70..=130).contains(count)), "{seen:?}");
}

#[tokio::test]
async fn lagging_endpoint__should_catch_up_when_no_blocks_come() {
    // Given a chain that makes blocks only when there is work
    let cadence = Cadence {
        mode: piecework_localnet::node::Mode::OnDemand,
        interval: Duration::from_millis(5),
        ..Cadence::default()
    };
    let setup = Setup::with(Config { cadence, lag_blocks: MOST, ..Config::ephemeral() }).await;

    // When some have come, and no more do
    setup.produce(20).await;

    // Then both endpoints know the same in the end
    let end = Instant::now() + Duration::from_secs(20);
    while setup.head_of("lagging").await < setup.head_of("leading").await {
        assert!(Instant::now() < end, "it stays behind");
    }
}

#[tokio::test]
async fn lagging_endpoint__should_forget_and_go_back_with_the_chain() {
    // Given a chain on disk that keeps a thousand blocks
    let dir = tempfile::tempdir().unwrap();
    let cadence = Cadence { interval: Duration::from_secs(86_400), ..Cadence::default() };
    let data = Some(piecework_localnet::store::Layout::new(dir.path()));
    let config = Config { cadence, lag_blocks: MOST, keep_blocks: Some(1_000), data, ..Config::ephemeral() };
    let setup = Setup::with(config).await;
    setup.make(100).await;
    setup.raw("sandbox_snapshot", json!({ "name": "early" })).await;

    // When several thousand blocks have come
    setup.make(9_000).await;

    // Then both endpoints begin where the history does, and have every block from there on
    let earliest = |status: Value| status["sync_info"]["earliest_block_height"].as_u64().unwrap();
    let leading = earliest(setup.result_of("leading", "status", json!([])).await);
    let lagging = earliest(setup.result_of("lagging", "status", json!([])).await);
    assert!(leading > 100 && lagging <= leading && leading - lagging <= MOST, "{leading} and {lagging}");
    let head = setup.head_of("lagging").await;
    for height in (leading..=head).step_by(97).chain([head]) {
        setup.result_of("lagging", "block", json!({ "block_id": height })).await;
    }
    assert_eq!(setup.error_of("lagging", "block", json!({ "block_id": lagging - 1 })).await, "UNKNOWN_BLOCK");

    // And after a snapshot is restored both are there
    setup.raw("sandbox_restore", json!({ "name": "early" })).await;
    assert_eq!((setup.head_of("leading").await, setup.head_of("lagging").await), (100, 100));
    setup.make(20).await;
    assert!((115..=120).contains(&setup.head_of("lagging").await));
}
