//! Blocks as indexers read them.

use near_indexer_primitives::StreamerMessage;
use near_jsonrpc_primitives::types::indexer::RpcIndexerBlockResponse;
use piecework_localnet::{Config, node::RpcRules};
use serde_json::{Value, json};

use crate::rpc::setup::*;

async fn get(setup: &Setup, path: &str) -> (u16, Value) {
    let response = reqwest::get(format!("{}{path}", setup.localnet.rpc_url())).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn stream__should_lead_from_block_to_block_with_everything_in_them() {
    // Given a chain with a call that succeeds and one that fails
    let setup = Setup::with_contract().await;
    let root = setup.root.clone();
    let good = setup.send(&root, vec![call("set", b"x")]).await.transaction.hash;
    let bad = setup.send(&root, vec![call("fail", b"")]).await.transaction.hash;
    setup.raw("sandbox_skip_heights", json!({ "count": 2 })).await;
    let stop = setup.raw("sandbox_produce_blocks", json!({ "count": 3 })).await.1["result"]["block_height"].as_u64();

    // When an indexer reads every height up to the end
    let mut executed = Vec::new();
    let mut prev_hash = None;
    let mut skipped = 0;
    for height in 1..=stop.unwrap() - 2 {
        let (status, body) = get(&setup, &format!("/v0/block/{height}")).await;
        assert_eq!(status, 200);
        if body.is_null() {
            skipped += 1;
            continue;
        }
        let message: StreamerMessage = serde_json::from_value(body.clone()).unwrap();
        assert!(prev_hash.is_none_or(|prev_hash| message.block.header.prev_hash == prev_hash));
        prev_hash = Some(message.block.header.hash);
        let outcomes = body["shards"][0]["receipt_execution_outcomes"].as_array().unwrap();
        executed.extend(outcomes.iter().map(|outcome| {
            let logs = outcome["execution_outcome"]["outcome"]["logs"].as_array().unwrap().len();
            (outcome["tx_hash"].as_str().unwrap().to_owned(), logs)
        }));
    }

    // Then no block is missing, skipped heights are told, and every receipt has its transaction
    assert_eq!(skipped, 2);
    assert!(executed.contains(&(good.to_string(), 1)));
    assert!(executed.contains(&(bad.to_string(), 0)));
}

#[tokio::test]
async fn last_block__should_be_final_or_the_newest() {
    let setup = Setup::start().await;
    setup.raw("sandbox_set_cadence", json!({ "mode": "on_demand" })).await;
    setup.send(&setup.root.clone(), vec![transfer(1)]).await;
    let head = setup.head().await.header.height;
    let height = |body: &Value| body["block"]["header"]["height"].as_u64().unwrap();

    assert_eq!(height(&get(&setup, "/v0/last_block/final").await.1), head - 2);
    assert_eq!(height(&get(&setup, "/v0/last_block/optimistic").await.1), head);
    assert_eq!(height(&get(&setup, "/v0/first_block").await.1), 1);
    let (status, body) = get(&setup, &format!("/v0/block/{}", head + 1_000_000)).await;
    assert_eq!((status, body["type"].as_str()), (404, Some("BLOCK_HEIGHT_TOO_HIGH")));
}

#[tokio::test]
async fn indexer_block__should_parse_and_name_its_shards() {
    // Given a block with a call, on a node whose configuration has `enable_indexer_rpc`
    let rules = RpcRules { indexer_blocks: true, ..RpcRules::default() };
    let setup = Setup::with_contract_and(Config { rules, ..Config::ephemeral() }).await;
    let outcome = setup.send(&setup.root.clone(), vec![call("set", b"x")]).await;
    let block_hash = outcome.transaction_outcome.block_hash;

    // When it is asked for as nearcore's indexers do
    let (_, answer) = setup.raw("EXPERIMENTAL_indexer_block", json!({ "block_hash": block_hash })).await;
    let response: RpcIndexerBlockResponse = serde_json::from_value(answer["result"].clone()).unwrap();

    // Then it has the transaction with its outcome, the receipt that ran, and the changes
    let shard = &response.message.shards[0];
    assert_eq!(response.tracked_shards, [shard.shard_id]);
    let chunk = shard.chunk.as_ref().unwrap();
    assert_eq!(chunk.transactions[0].transaction.hash, outcome.transaction.hash);
    assert_eq!(chunk.local_receipts.len(), 1);
    assert_eq!(shard.receipt_execution_outcomes[0].receipt.receipt_id, chunk.local_receipts[0].receipt_id);
    assert!(!shard.state_changes.is_empty());
    let unknown = json!({ "block_hash": near_primitives::hash::CryptoHash::default() });
    let (_, answer) = setup.raw("EXPERIMENTAL_indexer_block", unknown).await;
    assert_eq!(answer["error"]["cause"]["name"], "DATA_UNAVAILABLE");
}

#[tokio::test]
async fn indexer_block__should_not_be_known_by_default() {
    let setup = Setup::start().await;
    let block = json!({ "block_hash": setup.head().await.header.hash });

    let (status, answer) = setup.raw("EXPERIMENTAL_indexer_block", block).await;

    assert_eq!((status, &answer["error"]["cause"]["name"]), (400, &json!("METHOD_NOT_FOUND")));
}
