//! The block source asks a node only for what a node like nearcore answers, and bears with what it refuses.
use crate::fake::chain::{self, FakeBlock, blocks, receipt};
use crate::fake::{FakeNode, Reply};
use piecework_chain::{
    BlockSourceConfig, BlockSourceError, Cursor, FinalBlock, RpcBlockSource, RpcClient, StreamBlocks,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn source(rpc: RpcClient) -> RpcBlockSource {
    let config = BlockSourceConfig::new(chain::CONTRACT.parse().unwrap(), 1);
    let (poll_interval, patience) = (Duration::from_millis(2), Duration::from_millis(400));
    RpcBlockSource::new(rpc, BlockSourceConfig { poll_interval, patience, prefetch_blocks: 4, ..config })
}

/// What must not last for ever when the source is wrong.
async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("the source should come to an end")
}

async fn read(source: &mut RpcBlockSource, to: u64) -> Vec<FinalBlock> {
    in_time(read_all(source, to)).await
}

async fn read_all(source: &mut RpcBlockSource, to: u64) -> Vec<FinalBlock> {
    let (mut read, mut after) = (Vec::new(), None);
    while after.is_none_or(|cursor: Cursor| cursor.height < to) {
        let block = source.next(after).await.unwrap();
        after = Some(block.cursor());
        read.push(block);
    }
    read
}

/// Blocks with a receipt each.
fn busy(heights: &[u64]) -> Vec<FakeBlock> {
    let mut chain = blocks(heights, "");
    for (seq, block) in (0..).zip(&mut chain) {
        block.receipts = vec![receipt(seq)];
    }
    chain
}

#[tokio::test]
async fn source__should_ask_for_proofs_under_final_heads_above_the_block() {
    // Given a node whose newest two blocks are not final, and which refuses a head that is not, as nearcore does.
    let chain = busy(&[1, 2, 4, 5, 6, 7]);
    let served = chain.clone();
    let node = FakeNode::start(move |method, params| chain::answer_at(&served, 4, method, params)).await;
    // When the blocks are read that can be
    let read = read(&mut source(node.client()), 4).await;
    // Then all are there, and no question was in vain: each head was final, and above the receipt's block.
    assert_eq!(read.iter().map(|block| block.receipts.len()).collect::<Vec<_>>(), [1, 1, 1]);
    let asked = node.params("EXPERIMENTAL_light_client_proof");
    let place = |hash: &Value| chain.iter().position(|block| json!(block.hash) == *hash).unwrap();
    let seq = |id: &Value| chain.iter().position(|block| json!(block.receipts[0].id) == *id).unwrap();
    assert!(asked.iter().all(|params| place(&params["light_client_head"]) < 4), "{asked:?}");
    assert!(asked.iter().all(|params| place(&params["light_client_head"]) > seq(&params["receipt_id"])), "{asked:?}");
    assert!(node.params("block").iter().all(|params| params["finality"] != "optimistic"));
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn source__should_wait_quietly_while_the_chain_skips() {
    // Given a chain whose final head is the last block with a receipt for three hundred questions: a minute at the
    // default pace.
    let (chain, asked) = (busy(&[1, 2, 3, 99]), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&asked);
    let node = FakeNode::start(move |method, params| {
        let polls = match method {
            "block" if params["finality"] == "final" => counted.fetch_add(1, Ordering::Relaxed),
            _ => counted.load(Ordering::Relaxed),
        };
        chain::answer_at(&chain[..if polls < 300 { 3 } else { 4 }], if polls < 300 { 3 } else { 4 }, method, params)
    })
    .await;
    // When it is read, then the block comes once the chain goes on, without an error
    let read = read(&mut source(node.client()), 3).await;
    assert_eq!(read[2].receipts.len(), 1);
    // And meanwhile only the head was asked for, once at a time.
    let others = node.methods().len() - asked.load(Ordering::Relaxed);
    assert_eq!(asked.load(Ordering::Relaxed), 301);
    assert!(others <= 3 * 4 + 1, "{:?}", node.methods());
}

#[tokio::test]
async fn source__should_bear_with_each_refusal_of_a_node_that_lags() {
    // Given the ways in which a node refuses a proof that it will give soon, or another behind the same address gives.
    type Refusal = fn(Value) -> Reply;
    let refusals: [(&str, Refusal); 8] = [
        ("not final there", |_| chain::not_canonical(chain::hash("head"))),
        ("head unknown there", |_| Reply::unknown_block()),
        ("not confirmed", |id| {
            Reply::Error(500, json!({"name": "NOT_CONFIRMED", "info": {"transaction_or_receipt_id": id}}))
        }),
        ("not there yet", |id| {
            Reply::Error(
                422,
                json!({"name": "UNKNOWN_TRANSACTION_OR_RECEIPT", "info": {"transaction_or_receipt_id": id}}),
            )
        }),
        ("syncing", |_| Reply::Error(500, json!({"name": "NOT_SYNCED_YET"}))),
        ("down", |_| Reply::Http(503, "down")),
        ("too many", |_| Reply::TooMany(Some(0))),
        ("broken", |_| Reply::Break),
    ];
    for (name, refusal) in refusals {
        let chain = busy(&[1, 2, 3]);
        let mut left = 3;
        let node = FakeNode::start(move |method, params| match method {
            "EXPERIMENTAL_light_client_proof" if left > 0 => {
                left -= 1;
                refusal(params["receipt_id"].clone())
            }
            _ => chain::answer(&chain, method, params),
        })
        .await;
        // When it is read, then the outcome comes.
        let read = read(&mut source(node.client()), 2).await;
        assert_eq!(read[0].receipts.len() + read[1].receipts.len(), 2, "{name}");
    }
}

#[tokio::test]
async fn source__should_ask_under_a_newer_head_when_the_next_block_lacks_the_chunk() {
    // Given a chain whose block 2 has no chunk, so that only block 3 commits to the outcomes of block 1.
    let mut chain = blocks(&[1, 2, 3], "");
    chain[0].receipts = vec![receipt(0)];
    let (early, mut polls) = (json!(chain[1].hash), 0);
    let node = FakeNode::start(move |method, params| {
        polls += usize::from(method == "block" && params["finality"] == "final");
        match method {
            "EXPERIMENTAL_light_client_proof" if params["light_client_head"] == early => {
                Reply::Internal("block is ahead of head block".to_owned())
            }
            _ => chain::answer(&chain[..if polls < 2 { 2 } else { 3 }], method, params),
        }
    })
    .await;
    assert_eq!(read(&mut source(node.client()), 1).await[0].receipts.len(), 1);
}

#[tokio::test]
async fn source__should_give_up_on_an_outcome_that_never_comes() {
    // Given a node that answers all but one question.
    let chain = busy(&[1, 2]);
    let node = FakeNode::start(move |method, params| match method {
        "EXPERIMENTAL_light_client_proof" => chain::not_canonical(chain::hash("head")),
        _ => chain::answer(&chain, method, params),
    })
    .await;
    // When it is asked until patience ends
    let error = source(node.client()).next(None).await.unwrap_err();
    // Then the error has the node's words, does not speak of synchronisation, and may pass.
    assert!(!error.is_fatal(), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("not on current chain") && text.contains("lags") && !text.contains("sync"), "{text}");
}

#[tokio::test]
async fn source__should_say_what_a_node_means() {
    // Given what nodes say that cannot answer
    for (reply, said) in [
        (Reply::Error(500, json!({"name": "NOT_SYNCED_YET"})), "has not synced"),
        (Reply::Error(500, json!({"name": "NO_SYNCED_BLOCKS"})), "has not synced"),
        (
            Reply::Error(500, json!({"name": "UNAVAILABLE_SHARD", "info": {"requested_shard_id": 0}})),
            "follow the shard",
        ),
        (Reply::Internal("Internal error: DB is corrupt".to_owned()), "failed inside (Internal error: DB is corrupt)"),
        (chain::not_canonical(chain::hash("x")), "it lags, or is on a fork"),
        (Reply::TooMany(Some(90)), "limits the request rate"),
    ] {
        let (mut reply, chain) = (Some(reply), busy(&[1, 2]));
        let node = FakeNode::start(move |method, params| match method {
            "EXPERIMENTAL_changes" => reply.take().unwrap_or(Reply::Http(401, "stop")),
            _ => chain::answer(&chain, method, params),
        })
        .await;
        // When one is asked without patience
        let config = BlockSourceConfig::new(chain::CONTRACT.parse().unwrap(), 1);
        let config = BlockSourceConfig { patience: Duration::ZERO, ..config };
        let error = RpcBlockSource::new(node.client(), config).next(None).await.unwrap_err();
        // Then the error means the same.
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn source__should_obey_retry_after_on_every_path() {
    // Given a node that wants a second of rest after its eleventh answer, and counts who comes within it.
    let (chain, early) = (busy(&(1..=12).collect::<Vec<_>>()), Arc::new(AtomicUsize::new(0)));
    let (mut asked, mut rest_until, counted) = (0, None::<Instant>, Arc::clone(&early));
    let node = FakeNode::start(move |method, params| {
        asked += 1;
        match rest_until {
            Some(until) if Instant::now() < until => {
                counted.fetch_add(1, Ordering::Relaxed);
                Reply::TooMany(Some(1))
            }
            None if asked > 11 => {
                rest_until = Some(Instant::now() + Duration::from_secs(1));
                Reply::TooMany(Some(1))
            }
            _ => chain::answer(&chain, method, params),
        }
    })
    .await;
    // When the chain is read
    let read = read(&mut source(node.client()), 11).await;
    // Then it is whole, and only what was under way already came within the rest.
    assert_eq!(read.iter().map(|block| block.receipts.len()).sum::<usize>(), 11);
    assert!(early.load(Ordering::Relaxed) <= 8, "{early:?} requests came within the rest");
}

#[tokio::test]
async fn source__should_read_through_an_address_of_two_nodes_one_of_which_lags() {
    // Given two nodes behind one address, half of the answers come from one that is five blocks behind.
    let chain = busy(&(1..=40).filter(|height| height % 7 != 0).collect::<Vec<_>>());
    let (mut asked, last) = (0_usize, chain.len());
    let node = FakeNode::start(move |method, params| {
        asked += 1;
        let produced = (8 + asked / 20).min(last);
        // In no step with the questions of a reader that repeats itself: multiples of a constant fell into one for minutes.
        let seen = if chain::hash(&asked.to_string()).0[0].is_multiple_of(2) { produced } else { produced - 5 };
        chain::answer_at(&chain[..seen], seen - 2, method, params)
    })
    .await;
    // When it is read by a reader that asks again after every error
    let (mut source, mut after, mut lines) = (source(node.client()), None, Vec::new());
    while after.is_none_or(|cursor: Cursor| cursor.height < 36) {
        match in_time(source.next(after)).await {
            Ok(block) => {
                after = Some(block.cursor());
                lines.extend(block.receipts.into_iter().map(|receipt| receipt.logs[1].clone()));
            }
            Err(error) => assert!(!error.is_fatal(), "{error:?}"),
        }
    }
    // Then the journal is whole.
    assert_eq!(lines, (0..lines.len() as u64).map(chain::journal_line).collect::<Vec<_>>());
}

#[tokio::test]
async fn source__should_leave_an_endpoint_that_stands_still() {
    // Given an endpoint that stopped at block 3 before one that goes on.
    let chain = blocks(&[1, 2, 3, 4, 5], "");
    let stopped = chain[..3].to_vec();
    let stopped = FakeNode::start(move |method, params| chain::answer(&stopped, method, params)).await;
    let live = FakeNode::start(move |method, params| chain::answer(&chain, method, params)).await;
    // When it is read, then the other's blocks come.
    assert_eq!(read(&mut source(crate::fake::client([&stopped, &live])), 5).await.len(), 5);
}

/// An endpoint whose proofs are those of other receipts.
async fn liar(chain: Vec<FakeBlock>) -> FakeNode {
    FakeNode::start(move |method, params| match chain::answer(&chain, method, params) {
        Reply::Result(mut proof) if method == "EXPERIMENTAL_light_client_proof" => {
            proof["outcome_proof"]["id"] = json!(chain::hash("another receipt"));
            Reply::Result(proof)
        }
        reply => reply,
    })
    .await
}

#[tokio::test]
async fn source__should_leave_out_an_endpoint_that_contradicts_itself() {
    // Given an endpoint that gives wrong outcomes before an honest one.
    let chain = busy(&[1, 2, 3]);
    let lying = liar(chain.clone()).await;
    let honest = FakeNode::start(move |method, params| chain::answer(&chain, method, params)).await;
    // When it is read
    let mut source = source(crate::fake::client([&lying, &honest]));
    assert_eq!(read(&mut source, 2).await[1].receipts.len(), 1);
    // Then the honest one is asked alone from there on.
    let asked = lying.methods().len();
    source.next(None).await.unwrap();
    assert_eq!(lying.methods().len(), asked);
}

#[tokio::test]
async fn source__should_stop_when_every_endpoint_is_bad() {
    let (first, second) = (liar(busy(&[1, 2])).await, liar(busy(&[1, 2])).await);
    let error = source(crate::fake::client([&first, &second])).next(None).await.unwrap_err();
    assert!(matches!(error, BlockSourceError::Inconsistent { .. }) && error.is_fatal(), "{error:?}");
}

#[tokio::test]
async fn source__should_leave_out_an_endpoint_of_another_chain() {
    // Given a reader of a chain, and an endpoint of another one before its own.
    let (ours, other) = (blocks(&[1, 2, 3], ""), blocks(&[1, 2, 3], "other"));
    let cursor = Cursor { height: 2, hash: ours[1].hash };
    let wrong = FakeNode::start(move |method, params| chain::answer(&other, method, params)).await;
    let right = FakeNode::start(move |method, params| chain::answer(&ours, method, params)).await;
    let mut source = source(crate::fake::client([&wrong, &right]));
    assert_eq!(source.next(Some(cursor)).await.unwrap().prev_hash, cursor.hash);
}

#[tokio::test]
async fn source__should_not_end_for_a_refused_key_while_another_endpoint_is_only_down() {
    // Given an endpoint whose key was refused, and one that is down for a moment.
    for refusal in [401, 403, 404] {
        let keyless = FakeNode::start(move |_, _| Reply::Http(refusal, "who are you")).await;
        let down = FakeNode::start(|_, _| Reply::Http(503, "down")).await;
        for nodes in [[&keyless, &down], [&down, &keyless]] {
            let error = source(crate::fake::client(nodes)).next(None).await.unwrap_err();
            assert!(!error.is_fatal(), "{error:?}");
        }
        // Alone it is the end.
        assert!(source(keyless.client()).next(None).await.unwrap_err().is_fatal());
    }
}

#[tokio::test]
async fn source__should_go_on_after_an_endpoint_invented_a_head_once() {
    // Given two endpoints of a chain; once the first answers with a final block far ahead of it
    let chain = busy(&[1, 2, 3, 4, 5, 6]);
    let (served, invented, mut lies) = (chain.clone(), blocks(&[1_000_000], "invented"), 1);
    let liar = FakeNode::start(move |method, params| {
        if method == "block" && params["finality"] == "final" && lies > 0 {
            lies -= 1;
            return chain::answer(&invented, method, params);
        }
        chain::answer(&served, method, params)
    })
    .await;
    let honest = FakeNode::start(move |method, params| chain::answer(&chain, method, params)).await;
    let mut source = source(crate::fake::client([&liar, &honest]));

    // When a reader asks again after every error that may pass, as the indexer does
    let (mut after, mut errors) = (None, Vec::new());
    let all = async {
        while after.is_none_or(|cursor: Cursor| cursor.height < 5) {
            match source.next(after).await {
                Ok(block) => after = Some(block.cursor()),
                Err(error) if error.is_fatal() => panic!("fatal: {error:?}"),
                Err(error) => errors.push(error.to_string()),
            }
        }
    };

    // Then it reads the chain of both
    let read = tokio::time::timeout(Duration::from_secs(20), all).await;
    assert!(read.is_ok(), "it stands at {after:?} after {} errors, the last: {:?}", errors.len(), errors.last());
}
