//! Where a reader begins, and what it is told when the blocks that it needs are gone.
use crate::fake::chain::{self, FakeBlock, blocks};
use crate::fake::{FakeNode, Reply, client};
use piecework_chain::blocks::Needs;
use piecework_chain::{
    BlockSourceConfig, BlockSourceError, Cursor, RpcBlockSource, RpcClient, RpcError, StreamBlocks, ViewError,
};
use std::time::Duration;

/// The first height of a chain like a public network's.
const FIRST: u64 = 100_000_000;

fn source(rpc: RpcClient, start_height: Option<u64>) -> RpcBlockSource {
    let config = BlockSourceConfig::new(chain::CONTRACT.parse().unwrap(), start_height);
    let (poll_interval, patience) = (Duration::from_millis(2), Duration::from_millis(50));
    RpcBlockSource::new(rpc, BlockSourceConfig { poll_interval, patience, prefetch_blocks: 4, ..config })
}

/// A node that keeps these blocks, with the contract deployed at a height.
async fn node(chain: Vec<FakeBlock>, deployed: u64) -> FakeNode {
    FakeNode::start(move |method, params| chain::answer_with_account(&chain, deployed, 0, method, params)).await
}

/// Blocks from a height on, every thirtieth left out.
fn long(from: u64, count: u64) -> Vec<FakeBlock> {
    blocks(&(from..from + count).filter(|height| height % 30 != 0 || *height == from).collect::<Vec<_>>(), "")
}

#[tokio::test]
async fn source__should_find_where_the_contract_was_deployed() {
    // Given chains of a thousand blocks, with the contract deployed at any of them, a skipped height or the first.
    for deployed in [FIRST + 1, FIRST + 30, FIRST + 31, FIRST + 500, FIRST + 998] {
        let chain = long(FIRST, 1_000);
        let first = chain.iter().find(|block| block.height >= deployed).unwrap().height;
        let node = node(chain, deployed).await;
        // When it is read without a start
        let block = source(node.client(), None).next(None).await.unwrap();
        // Then it begins there or a little before, after few questions.
        assert!(block.height <= first && block.height + 32 >= first, "{} for {first}", block.height);
        assert!(node.count("query") <= 40, "{}", node.count("query"));
    }
}

#[tokio::test]
async fn source__should_begin_with_a_chain_whose_genesis_has_the_contract() {
    let mut chain = blocks(&[FIRST, FIRST + 1, FIRST + 2], "");
    chain[0].prev_hash = Default::default();
    let node = node(chain, 0).await;
    assert_eq!(source(node.client(), None).next(None).await.unwrap().height, FIRST);
    assert_eq!(source(node.client(), Some(0)).next(None).await.unwrap().height, FIRST);
}

#[tokio::test]
async fn source__should_say_that_there_is_no_contract_and_go_on_when_there_is() {
    let node = node(long(FIRST, 50), u64::MAX).await;
    let error = source(node.client(), None).next(None).await.unwrap_err();
    assert!(matches!(error, BlockSourceError::View(ViewError::NoContract(_))) && !error.is_fatal(), "{error:?}");
}

#[tokio::test]
async fn source__should_say_at_once_that_the_contract_is_older_than_the_history() {
    // Given nodes that keep blocks, or states of them, only from after the deployment on.
    let pruned = node(long(FIRST, 200), FIRST - 5).await;
    let chain = long(FIRST, 200);
    let stateless = FakeNode::start(move |method, params| {
        chain::answer_with_account(&chain, FIRST + 10, FIRST + 60, method, params)
    })
    .await;
    for node in [pruned, stateless] {
        // When it is read without a start
        let error = source(node.client(), None).next(None).await.unwrap_err();
        // Then the error is the end, and says what to do.
        let BlockSourceError::HistoryGone { needs: Needs::Deployment(contract), .. } = &error else {
            panic!("{error:?}")
        };
        assert!(*contract == chain::CONTRACT && error.is_fatal() && error.to_string().contains("archival"), "{error}");
        assert!(node.methods().len() <= 40, "{}", node.methods().len());
    }
}

#[tokio::test]
async fn source__should_begin_with_the_history_when_the_contract_is_younger() {
    // Given a start far below the chain's first block, and just below it.
    for start in [0, FIRST - 20, FIRST - 1] {
        let node = node(long(FIRST, 100), FIRST + 50).await;
        // When it is read from there, then it begins with the first block, after few questions.
        assert_eq!(source(node.client(), Some(start)).next(None).await.unwrap().height, FIRST);
        assert!(node.methods().len() <= 40, "{}", node.methods().len());
    }
}

#[tokio::test]
async fn source__should_say_at_once_that_its_start_is_pruned() {
    for start in [0, FIRST - 20, FIRST - 1] {
        let node = node(long(FIRST, 100), 0).await;
        let error = source(node.client(), Some(start)).next(None).await.unwrap_err();
        let BlockSourceError::HistoryGone { needs, kept_from, .. } = &error else { panic!("{error:?}") };
        assert_eq!((needs, *kept_from), (&Needs::Start(start), FIRST));
        assert!(error.is_fatal() && error.to_string().contains("archival"), "{error}");
        assert!(node.methods().len() <= 40, "{}", node.methods().len());
    }
}

#[tokio::test]
async fn source__should_say_at_once_that_it_was_down_for_too_long() {
    // Given a reader whose next block is not kept any more, far or just below the history.
    let whole = long(FIRST, 300);
    for (stands, kept) in [(10, 200), (150, 160), (199, 201)] {
        let cursor = Cursor { height: whole[stands].height, hash: whole[stands].hash };
        let node = node(whole[kept..].to_vec(), 0).await;
        // When it goes on
        let error = source(node.client(), None).next(Some(cursor)).await.unwrap_err();
        // Then it is told, and not that the endpoint hangs.
        let BlockSourceError::HistoryGone { needs, kept_from, .. } = &error else { panic!("{error:?}") };
        assert_eq!((needs, *kept_from), (&Needs::After(cursor), whole[kept].height));
        assert!(error.is_fatal() && error.to_string().contains("down for longer"), "{error}");
        assert!(node.methods().len() <= 80, "{}", node.methods().len());
    }
}

#[tokio::test]
async fn source__should_resume_where_its_next_block_is_the_first_kept() {
    let whole = long(FIRST, 100);
    let cursor = Cursor { height: whole[49].height, hash: whole[49].hash };
    let node = node(whole[50..].to_vec(), 0).await;
    assert_eq!(source(node.client(), None).next(Some(cursor)).await.unwrap().prev_hash, cursor.hash);
}

#[tokio::test]
async fn source__should_read_old_blocks_from_an_archival_endpoint_and_wait_for_it() {
    // Given a reader that was down, a node that pruned, and an archival one that is down at first.
    let whole = long(FIRST, 300);
    let cursor = Cursor { height: whole[10].height, hash: whole[10].hash };
    let pruned = node(whole[200..].to_vec(), 0).await;
    let mut down = 12;
    let archival = FakeNode::start(move |method, params| {
        down -= i32::from(down > 0);
        if down > 0 { Reply::Http(503, "down") } else { chain::answer_with_account(&whole, 0, 0, method, params) }
    })
    .await;
    // When it goes on, then nothing is the end, and the next block comes.
    let mut source = source(client([&pruned, &archival]), None);
    loop {
        match source.next(Some(cursor)).await {
            Ok(block) => break assert_eq!(block.prev_hash, cursor.hash),
            Err(error) => assert!(!error.is_fatal(), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn source__should_find_all_that_an_archive_keeps_which_names_its_newest_history_only() {
    // Given an archive whose status names the last of its blocks, as nodes do that keep older ones in another store
    let archive = async || {
        let chain = long(FIRST, 300);
        let newest = chain[250..].to_vec();
        FakeNode::start(move |method, params| match method {
            "status" => chain::answer(&newest, method, params),
            "EXPERIMENTAL_genesis_config" => Reply::Result(serde_json::json!({"genesis_height": FIRST})),
            _ => chain::answer_with_account(&chain, FIRST + 100, 0, method, params),
        })
        .await
    };
    // When it is read without a start, then the deployment is found in the old blocks
    let block = source(archive().await.client(), None).next(None).await.unwrap();
    assert!((FIRST + 60..=FIRST + 101).contains(&block.height), "{}", block.height);
    // And from a start below the chain the first block comes.
    assert_eq!(source(archive().await.client(), Some(0)).next(None).await.unwrap().height, FIRST);
}

#[tokio::test]
async fn source__should_take_no_node_for_an_archive_that_only_kept_its_first_block() {
    // Given a node that prunes, and still has the genesis
    let whole = long(FIRST, 300);
    let mut kept = whole[200..].to_vec();
    let earliest = kept[0].clone();
    kept.insert(0, whole[0].clone());
    let node = FakeNode::start(move |method, params| match method {
        "status" => chain::answer(&kept[1..], method, params),
        "EXPERIMENTAL_genesis_config" => Reply::Result(serde_json::json!({"genesis_height": FIRST})),
        _ => chain::answer_with_account(&kept, FIRST + 100, earliest.height, method, params),
    })
    .await;
    // When it is read without a start, and by a reader who was down, then each is told that its blocks are gone.
    let cursor = Cursor { height: whole[100].height, hash: whole[100].hash };
    for after in [None, Some(cursor)] {
        let error = source(node.client(), None).next(after).await.unwrap_err();
        let BlockSourceError::HistoryGone { kept_from, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*kept_from, earliest.height);
    }
}

#[tokio::test]
async fn source__should_survive_answers_made_to_break_it() {
    // Given blocks of another height than was asked for, above no parent, and at no possible height
    let lies: [fn(&mut serde_json::Value); 4] = [
        |block| block["header"]["height"] = 7.into(),
        |block| block["header"]["prev_height"] = u64::MAX.into(),
        |block| block["header"]["prev_height"] = block["header"]["height"].clone(),
        |block| block["header"]["height"] = u64::MAX.into(),
    ];
    for lie in lies {
        let chain = long(FIRST, 100);
        let cursor = Cursor { height: chain[9].height, hash: chain[9].hash };
        let served = chain.clone();
        let lying = FakeNode::start(move |method, params| match chain::answer(&served, method, params) {
            Reply::Result(mut block) if method == "block" => {
                lie(&mut block);
                Reply::Result(block)
            }
            reply => reply,
        })
        .await;
        let honest = node(chain, 0).await;
        // When it is read with an honest endpoint beside, then the next block comes from that one
        let mut both = source(client([&lying, &honest]), None);
        assert_eq!(both.next(Some(cursor)).await.unwrap().prev_hash, cursor.hash);
        // And alone the liar is no end: another endpoint may be added.
        let error = source(lying.client(), None).next(Some(cursor)).await.unwrap_err();
        assert!(!error.is_fatal(), "{error:?}");
    }
}

#[tokio::test]
async fn source__should_cross_a_hole_of_a_million_heights_with_few_questions() {
    // Given a chain that left out a million heights and went on.
    let hole = FIRST + 50..FIRST + 1_000_050;
    let chain: Vec<_> = (FIRST..hole.start).chain(hole.end..hole.end + 300).collect();
    let chain = blocks(&chain, "");
    let cursor = Cursor { height: chain[49].height, hash: chain[49].hash };
    let node = node(chain, 0).await;
    // When it is read over the hole
    let mut source = source(node.client(), None);
    let block = source.next(Some(cursor)).await.unwrap();
    // Then the block behind it comes, which names the one before it, and those after it.
    assert_eq!((block.height, block.prev_hash), (hole.end, cursor.hash));
    assert_eq!(source.next(Some(block.cursor())).await.unwrap().height, hole.end + 1);
    assert!(node.count("block") <= 200, "{}", node.count("block"));
}

#[tokio::test]
async fn source__should_not_gather_a_long_stretch_that_an_endpoint_hides() {
    // Given an endpoint that knows no height of a long stretch, although its blocks are there.
    let chain = long(FIRST, 200);
    let cursor = Cursor { height: chain[9].height, hash: chain[9].hash };
    let hidden = chain[10].height..chain[150].height;
    let node = FakeNode::start(move |method, params| match params["block_id"].as_u64() {
        Some(height) if method == "block" && hidden.contains(&height) => Reply::unknown_block(),
        _ => chain::answer(&chain, method, params),
    })
    .await;
    // When it is read, then the reader is told, after a bounded walk.
    let error = source(node.client(), None).next(Some(cursor)).await.unwrap_err();
    assert!(matches!(error, BlockSourceError::Hidden { .. }) && !error.is_fatal(), "{error:?}");
    assert!(node.count("EXPERIMENTAL_changes") <= 4, "{}", node.count("EXPERIMENTAL_changes"));
}

#[tokio::test]
async fn source__should_say_that_an_endpoint_stands_below_what_was_read() {
    let chain = long(FIRST, 20);
    let node = node(chain[..10].to_vec(), 0).await;
    let cursor = Cursor { height: chain[15].height, hash: chain[15].hash };
    let error = source(node.client(), None).next(Some(cursor)).await.unwrap_err();
    assert!(matches!(error, BlockSourceError::View(ViewError::Rpc(RpcError::EndpointBehind { .. }))), "{error:?}");
}
