//! What a node that is no archive says of what it has collected.

use near_crypto::KeyFile;
use near_jsonrpc_client::methods;
use near_primitives::{
    hash::CryptoHash,
    types::{BlockId, BlockReference, SyncCheckpoint},
    views::BlockHeaderView,
};
use piecework_localnet::{Config, store::Layout};
use serde_json::{Value, json};

use crate::rpc::setup::*;

/// A chain with epochs of ten blocks and an old transfer, at height 100: five epochs begin at 60.
struct Old {
    setup: Setup,
    tx_hash: CryptoHash,
    receipt_id: CryptoHash,
    /// The headers of all heights.
    headers: Vec<BlockHeaderView>,
}

impl Old {
    async fn new(mut config: Config) -> Self {
        config.genesis.config.epoch_length = 10;
        let setup = Setup::with(config).await;
        setup.produce(1).await;
        let signed_transaction = setup.sign(&"near".parse().unwrap(), vec![transfer(1)]).await;
        let tx_hash = signed_transaction.get_hash();
        let request = methods::broadcast_tx_async::RpcBroadcastTxAsyncRequest { signed_transaction };
        setup.client.call(request).await.unwrap();
        setup.produce(3).await;
        let status = json!({ "tx_hash": tx_hash, "sender_account_id": setup.root, "wait_until": "NONE" });
        let (_, answer) = setup.raw("tx", status).await;
        let receipt_id = answer["result"]["transaction_outcome"]["outcome"]["receipt_ids"][0].clone();
        let receipt_id = serde_json::from_value(receipt_id).unwrap();
        let mut headers = Vec::new();
        for height in 0..=100 {
            if height > 4 {
                setup.produce(1).await;
            }
            headers.push(setup.block(BlockReference::BlockId(BlockId::Height(height))).await.header);
        }
        Self { setup, tx_hash, receipt_id, headers }
    }

    fn hash(&self, height: usize) -> CryptoHash {
        self.headers[height].hash
    }

    async fn refusal(&self, method: &str, params: Value) -> (u16, Value) {
        let (status, answer) = self.setup.raw(method, params).await;
        (status, answer["error"].clone())
    }
}

fn view_root(mut at: Value) -> Value {
    at["request_type"] = json!("view_account");
    at["account_id"] = json!("test.near");
    at
}

#[tokio::test]
async fn collected_blocks__should_be_unknown_by_height_and_hash() {
    // Given a chain that keeps five epochs, of which the last block before them is still there
    let old = Old::new(Setup::paused_config()).await;
    old.setup.block(BlockReference::BlockId(BlockId::Height(59))).await;
    old.setup.block(BlockReference::BlockId(BlockId::Hash(old.hash(59)))).await;
    let changes = |at: Value| json!({ "changes_type": "account_changes", "account_ids": [], "block_id": at });

    for (at, status) in [(json!(58), 422), (json!(old.hash(58)), 200), (json!(0), 422)] {
        // When an older block is asked for, then the database has no such block
        let hash = if at == json!(0) { old.hash(0) } else { old.hash(58) };
        for (method, params) in
            [("block", json!({ "block_id": at })), ("chunk", json!({ "block_id": at, "shard_id": 0 }))]
        {
            let (code, error) = old.refusal(method, params).await;
            assert_eq!((code, &error["cause"]["name"]), (status, &json!("UNKNOWN_BLOCK")), "{method} {at}");
            assert_eq!(error["data"], format!("DB Not Found Error: BLOCK: {hash} \n Cause: Unknown"), "{method}");
        }

        // And no such header
        let (_, error) = old.refusal("gas_price", json!([at])).await;
        assert_eq!(error["data"], format!("DB Not Found Error: BLOCK HEADER: {hash} \n Cause: Unknown"));
        for (method, params) in [
            ("changes", changes(at.clone())),
            ("block_effects", json!({ "block_id": at })),
            ("EXPERIMENTAL_protocol_config", json!({ "block_id": at })),
        ] {
            assert_eq!(old.refusal(method, params).await.1["cause"]["name"], "UNKNOWN_BLOCK", "{method} {at}");
        }
        assert_eq!(old.refusal("validators", json!([at])).await.1["cause"]["name"], "UNKNOWN_EPOCH");
    }
    let (_, error) = old.refusal("next_light_client_block", json!([old.hash(58)])).await;
    assert_eq!(error["cause"]["name"], "UNKNOWN_BLOCK");

    // And a height that never had a block is missing as a height
    let (_, error) = old.refusal("block", json!({ "block_id": 1_000 })).await;
    assert_eq!(error["data"], "DB Not Found Error: BLOCK HEIGHT: 1000 \n Cause: Unknown");
    let (_, error) = old.refusal("block", json!({ "block_id": CryptoHash::default() })).await;
    assert_eq!(error["data"], "DB Not Found Error: BLOCK: 11111111111111111111111111111111 \n Cause: Unknown");
}

#[tokio::test]
async fn collected_state__should_be_refused_as_nearcore_does() {
    let old = Old::new(Setup::paused_config()).await;

    // When the state at a height before the kept epochs is asked for, then it is collected, be the block there or not
    for height in [58, 59] {
        let (status, error) = old.refusal("query", view_root(json!({ "block_id": height }))).await;
        assert_eq!(status, 200);
        assert_eq!(error["cause"]["name"], "GARBAGE_COLLECTED_BLOCK");
        let info = json!({ "block_height": height, "block_hash": old.hash(height) });
        assert_eq!(error["cause"]["info"], info);
        let text = format!(
            "The data for block #{height} is garbage collected on this node, use an archival node to fetch \
             historical data"
        );
        assert_eq!(error["data"], text);
    }

    // And by hash it is unknown, unless the block is still there
    let (_, error) = old.refusal("query", view_root(json!({ "block_id": old.hash(58) }))).await;
    assert_eq!(error["cause"]["name"], "UNKNOWN_BLOCK");
    assert_eq!(error["data"], format!("DB Not Found Error: BLOCK HEADER: {}", old.hash(58)));
    for at in [json!({ "block_id": old.hash(59) }), json!({ "block_id": 60 }), json!({ "finality": "final" })] {
        assert_eq!(old.refusal("query", view_root(at)).await, (200, Value::Null));
    }

    // And of genesis, which a node never forgets, the state is gone
    let genesis = old.setup.block(BlockReference::SyncCheckpoint(SyncCheckpoint::Genesis)).await;
    assert_eq!(genesis.header.hash, old.hash(0));
    let (_, error) = old.refusal("query", view_root(json!({ "sync_checkpoint": "genesis" }))).await;
    assert_eq!(error["cause"]["name"], "UNAVAILABLE_SHARD");
}

#[tokio::test]
async fn collected_transactions_and_receipts__should_be_unknown() {
    let old = Old::new(Setup::paused_config()).await;
    let (root, tx_hash) = (&old.setup.root, old.tx_hash);

    // When a transaction, its receipt and their proofs are asked for, then they are unknown
    let status = json!({ "tx_hash": tx_hash, "sender_account_id": root, "wait_until": "NONE" });
    for method in ["tx", "EXPERIMENTAL_tx_status"] {
        assert_eq!(old.refusal(method, status.clone()).await.1["cause"]["name"], "UNKNOWN_TRANSACTION");
    }
    let (_, error) = old.refusal("EXPERIMENTAL_receipt", json!({ "receipt_id": old.receipt_id })).await;
    assert_eq!(error["cause"]["name"], "UNKNOWN_RECEIPT");
    let proof = json!({ "type": "transaction", "transaction_hash": tx_hash, "sender_id": root,
        "light_client_head": old.hash(98) });
    let (_, error) = old.refusal("light_client_proof", proof).await;
    assert_eq!(error["cause"]["name"], "UNKNOWN_TRANSACTION_OR_RECEIPT");
    let proof = json!({ "block_hash": old.hash(58), "light_client_head": old.hash(98) });
    let (_, error) = old.refusal("EXPERIMENTAL_light_client_block_proof", proof).await;
    assert_eq!(error["data"], format!("DB Not Found Error: BLOCK HEADER: {}", old.hash(58)));
}

#[tokio::test]
async fn status__should_name_the_earliest_block() {
    // Given a chain of two blocks
    let setup = Setup::paused().await;
    setup.produce(1).await;
    let sync_info = async |setup: &Setup| setup.raw("status", json!([])).await.1["result"]["sync_info"].take();

    // Then its earliest one is genesis
    assert_eq!(sync_info(&setup).await["earliest_block_height"], 0);

    // And later the last block before the epochs that are kept
    let old = Old::new(Setup::paused_config()).await;
    let sync_info = sync_info(&old.setup).await;
    assert_eq!(sync_info["earliest_block_height"], 59);
    assert_eq!(sync_info["earliest_block_hash"], json!(old.hash(59)));
    let earliest = old.setup.block(BlockReference::SyncCheckpoint(SyncCheckpoint::EarliestAvailable)).await;
    assert_eq!(earliest.header.hash, old.hash(59));
}

#[tokio::test]
async fn keep_blocks__should_keep_that_many_also_after_a_restart() {
    // Given a chain on disk that is told to keep a hundred blocks, with a gap of heights in them
    let dir = tempfile::tempdir().unwrap();
    let config = || Config { keep_blocks: Some(100), data: Some(Layout::new(dir.path())), ..Setup::paused_config() };
    let first = config();
    let genesis = first.genesis.clone();
    let KeyFile { account_id, public_key, secret_key } = &first.validator;
    let (account_id, public_key) = (account_id.clone(), public_key.clone());
    let validator = KeyFile { account_id, public_key, secret_key: secret_key.clone() };
    let setup = Setup::with(first).await;
    setup.produce(150).await;
    setup.raw("sandbox_skip_heights", json!({ "count": 10 })).await;
    assert_eq!(setup.produce(19).await, 180);
    let earliest = async |setup: &Setup| {
        setup.block(BlockReference::SyncCheckpoint(SyncCheckpoint::EarliestAvailable)).await.header.height
    };

    // Then the oldest one is the hundredth from the head
    assert_eq!(earliest(&setup).await, 71);
    assert_eq!(setup.raw("block", json!({ "block_id": 70 })).await.0, 422);
    assert_eq!(setup.raw("query", view_root(json!({ "block_id": 71 }))).await.1["error"], Value::Null);
    setup.localnet.stop().await;

    // And it is after a restart
    let setup = Setup::with(Config { genesis, validator, ..config() }).await;
    assert_eq!(earliest(&setup).await, 71);
    setup.produce(1).await;
    assert_eq!(earliest(&setup).await, 72);
}
