//! The block source misses nothing, invents nothing, and stops when the chain contradicts itself.
use crate::fake::chain::{self, FakeBlock, blocks, receipt};
use crate::fake::{FakeNode, Reply, client};
use futures_util::FutureExt;
use piecework_chain::{
    BlockSourceConfig, BlockSourceError, Cursor, FinalBlock, RpcBlockSource, RpcClient, StreamBlocks,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn source_from(rpc: RpcClient, start_height: u64) -> RpcBlockSource {
    source_of(rpc, Some(start_height))
}

fn source_of(rpc: RpcClient, start_height: Option<u64>) -> RpcBlockSource {
    let config = BlockSourceConfig::new(chain::CONTRACT.parse().unwrap(), start_height);
    let (poll_interval, patience) = (Duration::from_millis(2), Duration::from_millis(100));
    RpcBlockSource::new(rpc, BlockSourceConfig { poll_interval, patience, prefetch_blocks: 4, ..config })
}

async fn serve(blocks: Vec<FakeBlock>) -> FakeNode {
    FakeNode::start(move |method, params| chain::answer(&blocks, method, params)).await
}

/// Reads until the given height.
async fn read(source: &mut RpcBlockSource, mut after: Option<Cursor>, to: u64) -> Vec<FinalBlock> {
    let mut read = Vec::new();
    while after.is_none_or(|cursor| cursor.height < to) {
        let block = source.next(after).await.unwrap();
        after = Some(block.cursor());
        read.push(block);
    }
    read
}

/// A chain and its journal. Every block has two receipts, except the last block, which has none.
fn busy(heights: &[u64]) -> (Vec<FakeBlock>, Vec<String>) {
    let mut chain = blocks(heights, "");
    let last = chain.len() - 1;
    for (seq, block) in (0..).step_by(2).zip(&mut chain[..last]) {
        block.receipts = vec![receipt(seq), receipt(seq + 1)];
    }
    let journal = (0..last as u64 * 2).map(chain::journal_line).collect();
    (chain, journal)
}

/// The journal up to a height, as a reader gets it that asks again after every error.
async fn lines(source: &mut RpcBlockSource, to: u64) -> Vec<String> {
    let (mut after, mut lines) = (None, Vec::new());
    while after.is_none_or(|cursor: Cursor| cursor.height < to) {
        match source.next(after).await {
            Ok(block) => {
                after = Some(block.cursor());
                lines.extend(block.receipts.into_iter().map(|receipt| receipt.logs[1].clone()));
            }
            Err(error) => assert!(!error.is_fatal(), "{error:?}"),
        }
    }
    lines
}

fn heights(blocks: &[FinalBlock]) -> Vec<u64> {
    blocks.iter().map(|block| block.height).collect()
}

#[tokio::test]
async fn source__should_give_every_block_in_order_across_skipped_heights() {
    // Given a chain with skipped heights, for which the node answers 422.
    let node = serve(blocks(&[1, 2, 5, 6, 7, 11, 12], "")).await;
    // When it is read from height 3
    let read = read(&mut source_from(node.client(), 3), None, 12).await;
    // Then each block is there once and names the one before.
    assert_eq!(heights(&read), [5, 6, 7, 11, 12]);
    assert!(read.windows(2).all(|pair| pair[1].prev_hash == pair[0].hash));
    assert!(read.iter().all(|block| block.head_height == 12));
}

#[tokio::test]
async fn source__should_give_receipts_in_journal_order_with_their_calls() {
    // Given a block whose receipts the node lists in another order than they ran in.
    let mut chain = blocks(&[1, 2, 3], "");
    chain[1].receipts = vec![receipt(12), receipt(10), receipt(11)];
    let node = serve(chain).await;
    // When
    let read = read(&mut source_from(node.client(), 1), None, 3).await;
    // Then
    assert!(read[0].receipts.is_empty() && read[0].root.is_none());
    let ran: Vec<_> = read[1].receipts.iter().map(|receipt| receipt.logs[1].clone()).collect();
    assert_eq!(ran, [10, 11, 12].map(chain::journal_line));
    let first = &read[1].receipts[0];
    assert_eq!((first.calls[0].method_name.as_str(), first.calls[0].deposit), ("work", 1));
    assert_eq!(first.calls[0].args, b"args of 10");
    assert_eq!(first.predecessor_id, "node.test");
    assert_eq!(first.gas_burnt, 1_000_000_000_000);
    assert_eq!(read[1].receipts.iter().map(|receipt| receipt.order).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(read[1].root.as_deref(), Some("root after 11".as_bytes()));
}

#[tokio::test]
async fn source__should_read_the_contracts_own_transactions() {
    // Given a receipt the node does not store, because the contract's account signed it to itself.
    let mut chain = blocks(&[1, 2], "");
    chain[0].receipts = vec![chain::FakeReceipt { local: true, ..receipt(0) }];
    let node = serve(chain).await;
    let block = source_from(node.client(), 1).next(None).await.unwrap();
    assert_eq!(block.receipts[0].tx_hash, Some(chain::hash("tx 0")));
    assert_eq!(block.receipts[0].calls.len(), 1, "the deployment in the same batch is no call");
    assert_eq!(block.receipts[0].calls[0].args, b"args of 0");
}

#[tokio::test]
async fn source__should_give_the_same_block_to_the_same_cursor() {
    let node = serve(blocks(&[1, 2, 3, 4], "")).await;
    let mut source = source_from(node.client(), 1);
    let first = source.next(None).await.unwrap();
    let second = source.next(Some(first.cursor())).await.unwrap();
    assert_eq!(source.next(Some(first.cursor())).await.unwrap(), second);
    assert_eq!(source.next(None).await.unwrap(), first);
}

#[tokio::test]
async fn source__should_resume_after_a_cursor() {
    let chain = blocks(&[1, 2, 4, 5], "");
    let cursor = Cursor { height: chain[1].height, hash: chain[1].hash };
    let node = serve(chain).await;
    assert_eq!(heights(&read(&mut source_from(node.client(), 1), Some(cursor), 5).await), [4, 5]);
}

#[tokio::test]
async fn source__should_wait_at_the_tip_and_lose_nothing_when_cancelled() {
    // Given a reader at the tip of a chain that grows later.
    let visible = Arc::new(Mutex::new(2));
    let chain = blocks(&[1, 2, 3, 4, 5], "");
    let seen = Arc::clone(&visible);
    let node =
        FakeNode::start(move |method, params| chain::answer(&chain[..*seen.lock().unwrap()], method, params)).await;
    let mut source = source_from(node.client(), 1);
    let tip = read(&mut source, None, 2).await.pop().unwrap().cursor();
    assert!(source.next(Some(tip)).now_or_never().is_none());
    // When its calls are cancelled again and again while the chain grows
    *visible.lock().unwrap() = 5;
    let mut after = tip;
    let mut got = Vec::new();
    while after.height < 5 {
        if let Ok(block) = tokio::time::timeout(Duration::from_millis(1), source.next(Some(after))).await {
            after = block.unwrap().cursor();
            got.push(after.height);
        }
    }
    // Then every block arrived once.
    assert_eq!(got, [3, 4, 5]);
}

#[tokio::test]
async fn source__should_find_blocks_an_endpoint_called_skipped() {
    // Given an endpoint that does not know heights 3 and 4 by number, although they exist.
    let mut chain = blocks(&[1, 2, 3, 4, 5, 6], "");
    chain[2].receipts = vec![receipt(1)];
    let node = FakeNode::start(move |method, params| match (method, params["block_id"].as_u64()) {
        ("block", Some(3 | 4)) => Reply::unknown_block(),
        _ => chain::answer(&chain, method, params),
    })
    .await;
    // When it is read, then the parent links give them.
    let read = read(&mut source_from(node.client(), 1), None, 6).await;
    assert_eq!(heights(&read), [1, 2, 3, 4, 5, 6]);
    assert_eq!(read[2].receipts.len(), 1);
}

#[tokio::test]
async fn source__should_stop_at_a_broken_link() {
    // Given a reader of another chain's block 2.
    let other = blocks(&[1, 2], "other");
    let cursor = Cursor { height: 2, hash: other[1].hash };
    let node = serve(blocks(&[1, 2, 3, 4], "")).await;
    let error = source_from(node.client(), 1).next(Some(cursor)).await.unwrap_err();
    assert!(matches!(error, BlockSourceError::BrokenLink { height: 3, .. }), "{error:?}");
    assert!(error.is_fatal());
}

#[tokio::test]
async fn source__should_stop_when_a_final_block_is_replaced() {
    let other = blocks(&[1, 2], "other");
    let cursor = Cursor { height: 2, hash: other[1].hash };
    let node = serve(blocks(&[1, 2], "")).await;
    let error = source_from(node.client(), 1).next(Some(cursor)).await.unwrap_err();
    assert!(matches!(error, BlockSourceError::Rollback { height: 2, .. }), "{error:?}");
    assert!(error.is_fatal());
}

#[tokio::test]
async fn source__should_read_on_from_another_endpoint_when_one_lags() {
    // Given a reader beyond the first endpoint's tip.
    let chain = blocks(&[1, 2, 3, 4], "");
    let cursor = Cursor { height: 3, hash: chain[2].hash };
    let lagging = serve(chain[..2].to_vec()).await;
    let ahead = serve(chain).await;
    let mut source = source_from(client([&lagging, &ahead]), 1);
    assert_eq!(source.next(Some(cursor)).await.unwrap().height, 4);
}

#[tokio::test]
async fn source__should_refuse_an_outcome_that_did_not_succeed() {
    // Given a node that names a failed receipt as the cause of a change.
    let mut chain = blocks(&[1, 2], "");
    chain[0].receipts = vec![receipt(1)];
    let node = FakeNode::start(move |method, params| match chain::answer(&chain, method, params) {
        Reply::Result(mut proof) if method == "EXPERIMENTAL_light_client_proof" => {
            proof["outcome_proof"]["outcome"]["status"] = json!({"Failure": {"ActionError": {"index": 0, "kind":
                {"FunctionCallError": {"ExecutionError": "x"}}}}});
            Reply::Result(proof)
        }
        reply => reply,
    })
    .await;
    let error = source_from(node.client(), 1).next(None).await.unwrap_err();
    assert!(matches!(error, BlockSourceError::Inconsistent { .. }), "{error:?}");
}

#[tokio::test]
async fn source__should_survive_a_node_that_fails_at_random() {
    // Given a busy chain behind a node of which every third answer is a failure of some kind.
    let (chain, expected) = busy(&(1..=40).filter(|height| height % 5 != 0 || *height == 40).collect::<Vec<_>>());
    let mut asked = 0;
    let node = FakeNode::start(move |method, params: &Value| {
        asked += 1;
        match asked % 12 {
            0 => Reply::Http(503, "down"),
            3 => Reply::Break,
            6 => Reply::TooMany(Some(0)),
            9 => Reply::Http(200, "<html>"),
            _ => chain::answer(&chain, method, params),
        }
    })
    .await;
    // When it is read by a reader that asks again after every error, then the journal is whole.
    assert_eq!(lines(&mut source_from(node.client(), 1), 39).await, expected);
}

#[tokio::test]
async fn source__should_cost_two_calls_per_idle_block_and_two_per_receipt() {
    // Given a chain far ahead of the reader, one block of which holds three receipts.
    let mut chain = blocks(&(1..=20).collect::<Vec<_>>(), "");
    chain[4].receipts = vec![receipt(1), receipt(2), receipt(3)];
    let node = serve(chain).await;
    // When it is read from a cursor
    let first = source_from(node.client(), 1).next(None).await.unwrap();
    let before = node.methods().len();
    read(&mut source_from(node.client(), 1), Some(first.cursor()), 20).await;
    // Then: one poll; block and changes for each of 19 blocks; outcome and contents for each receipt.
    assert_eq!(node.methods().len() - before, 1 + 2 * 19 + 2 * 3);
}
