use near_jsonrpc_client::methods;
use near_primitives::types::{BlockId, BlockReference, Finality, ShardId, SyncCheckpoint};
use serde_json::json;

use crate::rpc::setup::*;

#[tokio::test]
async fn block__should_be_found_by_height_hash_and_finality() {
    // Given a chain with a few final blocks
    let setup = Setup::start().await;
    setup.send(&setup.root.clone(), vec![transfer(1)]).await;

    // Then one block is the same however it is asked for
    let last = setup.block(BlockReference::Finality(Finality::Final)).await;
    let by_height = setup.block(BlockReference::BlockId(BlockId::Height(last.header.height))).await;
    let by_hash = setup.block(BlockReference::BlockId(BlockId::Hash(last.header.hash))).await;
    assert_eq!(by_height.header.hash, last.header.hash);
    assert_eq!(by_hash.header.height, last.header.height);

    // And genesis is where the chain begins
    let genesis = setup.block(BlockReference::SyncCheckpoint(SyncCheckpoint::Genesis)).await;
    assert_eq!(genesis.header.height, 0);
}

#[tokio::test]
async fn final_block__should_be_two_behind_the_head() {
    // Given a chain with a few blocks
    let setup = Setup::start().await;
    setup.send(&setup.root.clone(), vec![transfer(1)]).await;

    // Then each header names its ancestors as final
    let head = setup.head().await;
    let parent = setup.block(BlockReference::BlockId(BlockId::Hash(head.header.prev_hash))).await;
    assert_eq!(head.header.last_ds_final_block, parent.header.hash);
    assert_eq!(head.header.last_final_block, parent.header.prev_hash);
}

#[tokio::test]
async fn chunk__should_hold_the_transaction() {
    // Given a transaction in a block
    let setup = Setup::start().await;
    let outcome = setup.send(&setup.root.clone(), vec![transfer(1)]).await;

    // When the chunk of its block is asked for, by block or by its own hash
    let block_id = BlockId::Hash(outcome.transaction_outcome.block_hash);
    let by_block = methods::chunk::ChunkReference::BlockShardId { block_id, shard_id: ShardId::new(0) };
    let chunk = setup.client.call(methods::chunk::RpcChunkRequest { chunk_reference: by_block }).await.unwrap();
    let by_hash = methods::chunk::ChunkReference::ChunkHash { chunk_id: chunk.header.chunk_hash };
    let same = setup.client.call(methods::chunk::RpcChunkRequest { chunk_reference: by_hash }).await.unwrap();

    // Then the transaction is in it
    assert_eq!(chunk.transactions[0].hash, outcome.transaction_outcome.id);
    assert_eq!(same.header.chunk_hash, chunk.header.chunk_hash);
}

#[tokio::test]
async fn fast_forward__should_skip_heights_and_time() {
    // Given a chain
    let setup = Setup::start().await;
    let before = setup.head().await.header;

    // When it skips 500 heights
    let request = methods::sandbox_fast_forward::RpcSandboxFastForwardRequest { delta_height: 500 };
    setup.client.call(request).await.unwrap();

    // Then blocks go on above the gap, later in time, and a height inside the gap is gone for good
    let after = setup.head().await.header;
    assert!(after.height >= before.height + 500);
    assert!(after.timestamp - before.timestamp >= 500 * 300_000_000);
    let (status, body) = setup.raw("block", json!({ "block_id": before.height + 250 })).await;
    assert_eq!(status, 422, "{body}");
    assert_eq!(body["error"]["cause"]["name"], "UNKNOWN_BLOCK");

    // And a height not reached yet is merely unknown
    let (status, body) = setup.raw("block", json!({ "block_id": after.height + 1_000_000 })).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["error"]["cause"]["name"], "UNKNOWN_BLOCK");
}

#[tokio::test]
async fn node__should_tell_about_itself() {
    // Given a chain
    let setup = Setup::start().await;

    // Then the questions tools ask at start have answers that near-jsonrpc-client understands
    let status = setup.client.call(methods::status::RpcStatusRequest).await.unwrap();
    assert_eq!(status.protocol_version, near_primitives::version::PROTOCOL_VERSION);
    assert!(!status.sync_info.syncing);
    let price = setup.client.call(methods::gas_price::RpcGasPriceRequest { block_id: None }).await.unwrap();
    assert_eq!(price.gas_price.as_yoctonear(), 100_000_000);
    let genesis = methods::EXPERIMENTAL_genesis_config::RpcGenesisConfigRequest;
    assert_eq!(setup.client.call(genesis).await.unwrap().chain_id, "localnet");
    let protocol = methods::EXPERIMENTAL_protocol_config::RpcProtocolConfigRequest {
        block_reference: BlockReference::Finality(Finality::None),
    };
    let protocol = setup.client.call(protocol).await.unwrap();
    assert_eq!(protocol.protocol_version, near_primitives::version::PROTOCOL_VERSION);
    let validators =
        methods::validators::RpcValidatorRequest { epoch_reference: near_primitives::types::EpochReference::Latest };
    assert_eq!(setup.client.call(validators).await.unwrap().current_validators.len(), 1);
    setup.client.call(methods::network_info::RpcNetworkInfoRequest).await.unwrap();
    setup.client.call(methods::health::RpcHealthRequest).await.unwrap();
    let ready = reqwest::get(format!("{}/status", setup.localnet.rpc_url())).await.unwrap();
    assert_eq!(ready.status(), 200);
}
