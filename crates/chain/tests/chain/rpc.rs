//! What the client makes of a node's answers.
use crate::fake::{FakeNode, Reply, chain, client, client_of};
use piecework_chain::{AccountId, BlockRef, RetryPolicy, RpcClient, RpcConfig, RpcError, ViewError};
use serde_json::json;

fn contract() -> AccountId {
    chain::CONTRACT.parse().unwrap()
}

fn good() -> impl FnMut(&str, &serde_json::Value) -> Reply + Send {
    |_, _| Reply::Result(json!({"result": [123, 125], "logs": [], "block_height": 7, "block_hash": chain::hash("b")}))
}

/// Fails with these replies, then answers.
fn after(replies: Vec<Reply>) -> impl FnMut(&str, &serde_json::Value) -> Reply + Send {
    let (mut replies, mut good) = (replies.into_iter(), good());
    move |method, params| replies.next().unwrap_or_else(|| good(method, params))
}

async fn view(rpc: &RpcClient) -> Result<serde_json::Value, ViewError> {
    rpc.view_function(&contract(), "root", &json!({}), BlockRef::Final).await.map(|answer| answer.value)
}

#[tokio::test]
async fn client__should_ask_again_after_every_passing_failure() {
    // Given a node that fails in every passing way before it answers.
    for reply in [
        Reply::Http(408, "too slow"),
        Reply::Http(429, "slow down"),
        Reply::Http(500, "oops"),
        Reply::Http(503, "<html>"),
        Reply::Http(200, "<html>"),
        Reply::Break,
        Reply::Error(500, json!({"name": "NO_SYNCED_BLOCKS", "info": {}})),
        Reply::Error(500, json!({"name": "UNAVAILABLE_SHARD", "info": {"requested_shard_id": 0}})),
    ] {
        let node = FakeNode::start(after(vec![reply])).await;
        // When it is asked, then the answer comes at the second try.
        assert_eq!(view(&node.client()).await.unwrap(), json!({}));
        assert_eq!(node.count("query"), 2);
    }
}

#[tokio::test]
async fn client__should_never_take_endpoints_that_rest_for_none() {
    // Given a node that refuses every other request for a moment
    let mut asked = 0;
    let mut good = good();
    let node = FakeNode::start(move |method, params| {
        asked += 1;
        if asked % 2 == 1 { Reply::TooMany(Some(1)) } else { good(method, params) }
    })
    .await;
    // When many questions without patience are under way together, so that some find the only endpoint resting
    let rpc = node.client().with_retry(RetryPolicy::ONCE);
    let answers = futures_util::future::join_all((0..8).map(|_| view(&rpc))).await;
    // Then each is answered, or fails with what may pass.
    let lasting = |answer: &Result<_, ViewError>| matches!(answer, Err(ViewError::Rpc(error)) if !error.is_transient());
    assert!(!answers.iter().any(lasting), "{answers:?}");
}

#[tokio::test]
async fn client__should_give_up_after_its_rounds_and_name_the_endpoint() {
    let node = FakeNode::start(|_, _| Reply::Http(502, "bad gateway")).await;
    let error = view(&node.client()).await.unwrap_err();
    assert!(matches!(error, ViewError::Rpc(RpcError::HttpStatus { status: 502, .. })), "{error:?}");
    assert!(error.to_string().contains(&node.url), "{error}");
    assert_eq!(node.count("query"), 4);
}

#[tokio::test]
async fn client__should_fail_over_and_stay_with_the_endpoint_that_answers() {
    // Given a dead endpoint before a live one.
    let dead = FakeNode::start(|_, _| Reply::Http(503, "down")).await;
    let live = FakeNode::start(good()).await;
    let rpc = client([&dead, &live]);
    // When two questions are asked
    view(&rpc).await.unwrap();
    view(&rpc).await.unwrap();
    // Then only the first went to the dead one.
    assert_eq!((dead.count("query"), live.count("query")), (1, 2));
    assert_eq!(rpc.endpoint(), live.url);
}

#[tokio::test]
async fn client__should_fail_over_from_an_endpoint_nobody_listens_at() {
    let live = FakeNode::start(good()).await;
    let rpc = client_of(["http://127.0.0.1:1".to_owned(), live.url.clone()]);
    view(&rpc).await.unwrap();
}

#[tokio::test]
async fn client__should_follow_no_redirect() {
    // Given an endpoint that sends its clients to another address
    let elsewhere = FakeNode::start(good()).await;
    let to = elsewhere.url.clone();
    let node = FakeNode::start(move |_, _| Reply::Redirect(to.clone())).await;
    // When it is asked, then that is an error, and nothing goes there.
    let error = view(&node.client()).await.unwrap_err();
    assert!(matches!(error, ViewError::Rpc(RpcError::HttpStatus { status: 307, .. })), "{error:?}");
    assert_eq!(elsewhere.count("query"), 0);
}

#[tokio::test]
async fn client__should_read_no_more_of_an_answer_than_it_may_have() {
    let node = FakeNode::start(|_, _| Reply::Blanks(64)).await;
    let error = view(&node.client()).await.unwrap_err();
    assert!(matches!(error, ViewError::Rpc(RpcError::Malformed { .. })), "{error:?}");
    assert!(error.to_string().contains("more than 67108864 bytes"), "{error}");
}

#[tokio::test]
async fn client__should_keep_credentials_out_of_errors() {
    let node = FakeNode::start(|_, _| Reply::Http(401, "who are you")).await;
    for (url, status) in [("/?apiKey=SECRET", 401), ("/v3/SECRET", 404)] {
        let with_key = format!("{}{url}", node.url.replace("http://", "http://me:SECRET@"));
        let error = view(&client_of([with_key])).await.unwrap_err();
        assert!(error.to_string().contains(&format!("HTTP {status}")), "{error}");
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
    }
    let unreachable = client_of(["http://me:SECRET@127.0.0.1:1/?apiKey=SECRET".to_owned()]);
    let error = view(&unreachable).await.unwrap_err();
    assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
}

#[tokio::test]
async fn client__should_refuse_answers_below_its_height() {
    // Given an endpoint at height 7 before one at height 9.
    let behind = FakeNode::start(good()).await;
    let ahead = FakeNode::start(|_, _| {
        Reply::Result(json!({"result": [49], "logs": [], "block_height": 9, "block_hash": chain::hash("b")}))
    })
    .await;
    // When height 8 has been read elsewhere, then the answer is the second one's.
    assert_eq!(view(&client([&behind, &ahead]).with_min_height(8)).await.unwrap(), json!(1));
    // And alone the first is an error.
    let error = view(&behind.client().with_min_height(8)).await.unwrap_err();
    assert!(matches!(error, ViewError::Rpc(RpcError::EndpointBehind { height: 7, min_height: 8, .. })), "{error:?}");
    // And so it is for every clone of a client that has seen the effects of a transaction there, but not for others.
    let (reader, other) = (behind.client(), behind.client());
    let clone = reader.with_lag();
    reader.raise_min_height(8);
    reader.raise_min_height(3);
    assert!(matches!(view(&clone).await, Err(ViewError::Rpc(RpcError::EndpointBehind { min_height: 8, .. }))));
    assert!(view(&other).await.is_ok());
}

#[tokio::test]
async fn block__should_be_none_for_a_skipped_height() {
    // Given nearcore's answer about a skipped height: 422 with UNKNOWN_BLOCK.
    let node = FakeNode::start(|_, _| Reply::unknown_block()).await;
    assert!(node.client().block(BlockRef::Height(5)).await.unwrap().is_none());
    assert_eq!(node.count("block"), 1);
}

#[tokio::test]
async fn block__should_come_from_another_endpoint_when_one_no_longer_has_it() {
    let pruned = FakeNode::start(|_, _| Reply::unknown_block()).await;
    let chain = chain::blocks(&[5], "");
    let archival = FakeNode::start(move |method, params| chain::answer(&chain, method, params)).await;
    let rpc = client([&pruned, &archival]);
    assert_eq!(rpc.block(BlockRef::Height(5)).await.unwrap().unwrap().header.height, 5);
    assert_eq!(rpc.endpoint(), pruned.url, "an endpoint that lacks one block keeps its place");
}

#[tokio::test]
async fn view_function__should_give_the_code_of_a_panic() {
    let node = FakeNode::start(|_, _| {
        let error = json!({"ExecutionError": "Smart contract panicked: ERR_NO_BATCH: there is no batch 9"});
        Reply::Error(
            200,
            json!({"name": "CONTRACT_EXECUTION_ERROR", "info": {"vm_error": "x", "error": error,
                "block_height": 7, "block_hash": chain::hash("b")}}),
        )
    })
    .await;
    let error = view(&node.client()).await.unwrap_err();
    let ViewError::Contract { code, text, .. } = &error else { panic!("{error:?}") };
    assert_eq!(code.as_deref(), Some("ERR_NO_BATCH"));
    assert_eq!(text, "ERR_NO_BATCH: there is no batch 9");
    assert_eq!(node.count("query"), 1, "a panic is an answer, not a failure");
}

#[tokio::test]
async fn view_account__should_be_none_if_it_does_not_exist() {
    let node = FakeNode::start(|_, _| {
        Reply::Error(
            422,
            json!({"name": "UNKNOWN_ACCOUNT", "info": {"requested_account_id": "no.test", "block_height": 7,
                "block_hash": chain::hash("b")}}),
        )
    })
    .await;
    let account = "no.test".parse().unwrap();
    assert!(node.client().view_account(&account, BlockRef::Final).await.unwrap().is_none());
}

#[tokio::test]
async fn view_account__should_say_that_a_state_is_gone_and_who_has_it() {
    let node = FakeNode::start(|_, _| {
        let info = json!({"block_height": 7, "block_hash": chain::hash("b")});
        Reply::Error(422, json!({"name": "GARBAGE_COLLECTED_BLOCK", "info": info}))
    })
    .await;
    let error = node.client().view_account(&"a.test".parse().unwrap(), BlockRef::Height(7)).await.unwrap_err();
    assert!(matches!(error, ViewError::GarbageCollected(7, _)), "{error:?}");
    let said = error.to_string();
    assert!(said.starts_with("block 7 is no longer kept by") && said.contains("archival RPC endpoint"), "{said}");
    assert_eq!(node.count("query"), 1, "what is gone does not come back");
}

#[test]
fn client__should_need_an_endpoint() {
    let error = RpcClient::new(RpcConfig::new(Vec::<String>::new())).unwrap_err();
    assert!(matches!(error, RpcError::NoEndpoint));
}

#[tokio::test]
async fn view__should_ask_again_at_a_named_block_only_where_lag_is_borne_with() {
    // Given a node that does not know a block at the first askings
    let unknown = || {
        let info = json!({"block_reference": {"block_id": chain::hash("b")}});
        Reply::Error(422, json!({"name": "UNKNOWN_BLOCK", "info": info}))
    };
    let view = async |rpc: &RpcClient| {
        rpc.view_function::<_, serde_json::Value>(&contract(), "root", &json!({}), BlockRef::Hash(chain::hash("b")))
            .await
    };
    let node = FakeNode::start(after(vec![unknown(), unknown(), unknown()])).await;
    // When it is asked, then the answer is that it does not know the block; or, with lag, the value.
    assert!(matches!(view(&node.client()).await, Err(ViewError::UnknownBlock { .. })));
    assert_eq!(view(&node.client().with_lag()).await.unwrap().value, json!({}));
    assert_eq!(node.count("query"), 4);
}
