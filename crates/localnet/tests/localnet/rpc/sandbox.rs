//! What only a sandbox can do, as its users ask for it.

use near_primitives::types::{BlockReference, Finality};
use serde_json::json;

use crate::rpc::setup::*;

#[tokio::test]
async fn blocks__should_come_only_with_work_on_demand() {
    // Given a chain that is told to make blocks on demand
    let setup = Setup::start().await;
    let (_, answer) = setup.raw("sandbox_set_cadence", json!({ "mode": "on_demand", "interval_ms": 1 })).await;
    assert_eq!(answer["result"]["mode"], "on_demand");
    let outcome = setup.send(&setup.root.clone(), vec![transfer(1)]).await;
    let settled = setup.head().await.header.height;

    // When it is asked for blocks, and for nothing else
    let (_, answer) = setup.raw("sandbox_produce_blocks", json!({ "count": 5 })).await;

    // Then there are exactly these
    assert_eq!(answer["result"]["block_height"], settled + 5);
    assert_eq!(setup.head().await.header.height, settled + 5);
    assert!(outcome.status != near_primitives::views::FinalExecutionStatus::NotStarted);
}

#[tokio::test]
async fn heights__should_be_skipped_without_moving_time() {
    // Given a quiet chain
    let setup = Setup::start().await;
    setup.raw("sandbox_set_cadence", json!({ "mode": "on_demand" })).await;
    setup.send(&setup.root.clone(), vec![transfer(1)]).await;
    let before = setup.head().await;

    // When three heights are left out
    let (_, answer) = setup.raw("sandbox_skip_heights", json!({ "count": 3 })).await;

    // Then the next block follows the last one directly, and the heights between have none
    assert_eq!(answer["result"]["block_height"], before.header.height + 4);
    let after = setup.head().await;
    assert_eq!(after.header.prev_hash, before.header.hash);
    assert!(after.header.timestamp_nanosec - before.header.timestamp_nanosec < 60_000_000_000);
    let (status, answer) = setup.raw("block", json!({ "block_id": before.header.height + 1 })).await;
    assert_eq!((status, answer["error"]["cause"]["name"].as_str()), (422, Some("UNKNOWN_BLOCK")));
}

#[tokio::test]
async fn time__should_go_where_it_is_told_but_not_back() {
    // Given a chain
    let setup = Setup::start().await;

    // When its time is set, and then moved
    let (_, answer) = setup.raw("sandbox_set_time", json!({ "time": "2040-01-01T00:00:00Z" })).await;
    let at = answer["result"]["block_height"].as_u64().unwrap();
    let new_year = 2_208_988_800_000_000_000;
    let time = |height| {
        let id = near_primitives::types::BlockId::Height(height);
        async { setup.block(BlockReference::BlockId(id)).await.header.timestamp_nanosec }
    };
    assert!((new_year..new_year + 60_000_000_000).contains(&time(at).await));
    let (_, answer) = setup.raw("sandbox_advance_time", json!({ "milliseconds": 86_400_000 })).await;
    let later = answer["result"]["block_height"].as_u64().unwrap();
    assert!(time(later).await >= time(at).await + 86_400_000_000_000);

    // Then it does not go back, and says why
    let (status, answer) = setup.raw("sandbox_set_time", json!({ "timestamp_nanosec": "1" })).await;
    assert_eq!(status, 400);
    assert!(answer.to_string().contains("only grow"), "{answer}");
}

#[tokio::test]
async fn snapshot__should_be_restored_over_rpc() {
    // Given a chain on disk with a snapshot, and a transfer after it
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::in_dir(dir.path()).await;
    let (_, saved) = setup.raw("sandbox_snapshot", json!({ "name": "before" })).await;
    let height = saved["result"]["block_height"].as_u64().unwrap();
    let outcome = setup.send(&setup.root.clone(), vec![transfer(1)]).await;

    // When it is restored
    let (_, answer) = setup.raw("sandbox_restore", json!({ "name": "before" })).await;
    assert_eq!(answer["result"]["block_height"], height);

    // Then the transfer never happened, the snapshot is listed, and the chain works on
    let tx = json!({ "tx_hash": outcome.transaction.hash, "sender_account_id": setup.root, "wait_until": "NONE" });
    let (_, answer) = setup.raw("tx", tx).await;
    assert_eq!(answer["error"]["cause"]["name"], "UNKNOWN_TRANSACTION");
    let (_, answer) = setup.raw("sandbox_snapshots", json!([])).await;
    assert_eq!(answer["result"][0]["name"], "before");
    setup.send(&setup.root.clone(), vec![transfer(1)]).await;
    let (status, _) = setup.raw("sandbox_restore", json!({ "name": "other" })).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn faults__should_show_as_public_nodes_fail() {
    let setup = Setup::start().await;
    setup.send(&setup.root.clone(), vec![transfer(1)]).await;
    for (fault, expected) in [("http_408", 408), ("http_422", 422), ("http_429", 429), ("http_500", 500)] {
        // Given a fault that always happens
        setup.raw("sandbox_set_faults", json!({ fault: 1.0 })).await;

        // Then every request meets it, and none any more once it is switched off
        let client = reqwest::Client::new();
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "status", "params": [] });
        let status = client.post(setup.localnet.rpc_url()).json(&request).send().await.unwrap().status();
        assert_eq!(status.as_u16(), expected);
        setup.raw("sandbox_set_faults", json!({})).await;
        assert_eq!(setup.raw("status", json!([])).await.0, 200);
    }
}

#[tokio::test]
async fn dropped_answer__should_leave_the_transaction_executed() {
    // Given a node that drops every answer
    let setup = Setup::start().await;
    let tx = setup.sign(&setup.root, vec![transfer(1)]).await;
    let hash = tx.get_hash();
    setup.raw("sandbox_set_faults", json!({ "drop": 1.0 })).await;

    // When a transaction is sent
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "broadcast_tx_commit", "params": [encoded(&tx)] });
    let sent = reqwest::Client::new().post(setup.localnet.rpc_url()).json(&body).send().await;
    let answer = match sent {
        Ok(response) => response.bytes().await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert!(answer.is_err());

    // Then it is on the chain nevertheless
    setup.raw("sandbox_set_faults", json!({})).await;
    let tx = json!({ "tx_hash": hash, "sender_account_id": setup.root, "wait_until": "FINAL" });
    let (_, answer) = setup.raw("tx", tx).await;
    assert_eq!(answer["result"]["final_execution_status"], "FINAL");
}

#[tokio::test]
async fn stale_node__should_answer_from_an_older_block() {
    // Given a node that is five blocks behind in every answer
    let setup = Setup::start().await;
    setup.raw("sandbox_produce_blocks", json!({ "count": 20 })).await;
    let head = setup.head().await.header.height;
    setup.raw("sandbox_set_faults", json!({ "stale": 1.0, "stale_blocks": 5 })).await;

    // Then blocks and status say so
    let stale = setup.block(BlockReference::Finality(Finality::None)).await.header.height;
    assert!(stale >= head - 5 && stale < setup.localnet.node().chain.history().head().height());
    let (_, status) = setup.raw("status", json!([])).await;
    let known = status["result"]["sync_info"]["latest_block_height"].as_u64().unwrap();
    assert!(known + 5 <= setup.localnet.node().chain.history().head().height());
}
