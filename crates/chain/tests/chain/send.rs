//! A transaction takes effect once, whatever breaks between us and the chain.
use crate::fake::chain::{self, FakeAccount, transaction_in};
use crate::fake::{FakeNode, Reply};
use near_crypto::KeyType;
use piecework_chain::{
    AccountId, Gas, KeyPool, NearToken, ReceiptStatus, SecretKey, SendPolicy, Sender, SignedTx, TxError, TxRequest,
    WaitLevel,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn secret() -> SecretKey {
    SecretKey::from_seed(KeyType::ED25519, "node")
}

fn account() -> Arc<Mutex<FakeAccount>> {
    Arc::new(Mutex::new(FakeAccount::new()))
}

fn request() -> TxRequest {
    let contract: AccountId = chain::CONTRACT.parse().unwrap();
    TxRequest::to(contract).call_raw("work", b"ops".to_vec(), Gas::from_teragas(30), NearToken::from_yoctonear(0))
}

async fn sender(node: &FakeNode) -> Sender {
    let rpc = node.client();
    let pool = KeyPool::open(&rpc, "node.test".parse().unwrap(), vec![secret()]).await.unwrap();
    let policy = SendPolicy {
        deadline: Duration::from_millis(400),
        poll_interval: Duration::from_millis(1),
        settle: Duration::from_millis(100),
        signings: 4,
    };
    Sender::new(rpc, pool).with_policy(policy)
}

/// A node of this account that treats the first sendings specially; `None` falls through to the account.
async fn node(
    account: &Arc<Mutex<FakeAccount>>,
    mut special: impl FnMut(usize, &str, &Value, &mut FakeAccount) -> Option<Reply> + Send + 'static,
) -> FakeNode {
    let account = Arc::clone(account);
    let mut sendings = 0;
    FakeNode::start(move |method, params| {
        sendings += usize::from(method == "send_tx");
        let mut account = account.lock().unwrap();
        special(sendings, method, params, &mut account).unwrap_or_else(|| account.answer(method, params))
    })
    .await
}

#[tokio::test]
async fn execute__should_show_every_receipt_of_a_success() {
    let account = account();
    let node = node(&account, |_, _, _, _| None).await;
    let outcome = sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap();
    assert_eq!(outcome.receipts.len(), 2);
    assert_eq!(outcome.gas_burnt, Gas::from_teragas(3));
    assert_eq!(outcome.logs().collect::<Vec<_>>(), [chain::journal_line(1)]);
    assert!(matches!(outcome.receipts[0].status, ReceiptStatus::Value(_)));
    assert_eq!(node.count("send_tx"), 1);
}

#[tokio::test]
async fn execute__should_fail_if_a_later_receipt_failed() {
    // Given a transaction whose second receipt panics while its first succeeds.
    let account = account();
    account.lock().unwrap().status = json!({"Failure": {"ActionError": {"index": 0, "kind": {"FunctionCallError":
        {"ExecutionError": "Smart contract panicked: ERR_TOKEN_PAUSED: try later"}}}}});
    let node = node(&account, |_, _, _, _| None).await;
    // When
    let error = sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap_err();
    // Then
    assert_eq!(error.code(), Some("ERR_TOKEN_PAUSED"));
    assert!(!error.is_transient());
    let TxError::Failed { failure, outcome } = error else { panic!() };
    assert_eq!(failure.executor_id, "token.test");
    assert_eq!(failure.text, "ERR_TOKEN_PAUSED: try later");
    assert_eq!(outcome.receipts.len(), 2, "what did happen stays visible");
}

#[tokio::test]
async fn execute__should_name_a_missing_account_and_the_fix() {
    let account = account();
    account.lock().unwrap().status = json!({"Failure": {"ActionError": {"index": 0, "kind":
        {"AccountDoesNotExist": {"account_id": "no.test"}}}}});
    let node = node(&account, |_, _, _, _| None).await;
    let error = sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap_err();
    assert!(error.to_string().contains("account no.test does not exist; create and fund it first"), "{error}");
}

#[tokio::test]
async fn execute__should_sign_anew_when_another_process_used_the_nonce() {
    // Given a key that another process raises between our signing and our sending.
    let account = account();
    let node = node(&account, |sendings, method, _, account| {
        if sendings == 1 && method == "send_tx" {
            account.nonce = 500;
        }
        None
    })
    .await;
    // When
    sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap();
    // Then the second signing is above it, and one transaction took effect.
    let mut nonces: Vec<_> =
        node.params("send_tx").iter().map(|params| transaction_in(params).transaction.nonce().nonce()).collect();
    nonces.dedup();
    assert_eq!(nonces, [101, 501]);
    assert_eq!(account.lock().unwrap().included.len(), 1);
}

#[tokio::test]
async fn send_and_wait__should_send_the_same_bytes_after_a_timeout() {
    // Given a node that holds the first two sendings until it gives up.
    let account = account();
    let node = node(&account, |sendings, method, _, _| match (sendings, method) {
        (1, "send_tx") => Some(Reply::Error(408, json!({"name": "TIMEOUT_ERROR", "info": {"cause": "NOT_OBSERVED"}}))),
        (2, "send_tx") => Some(Reply::Error(408, json!({"name": "TIMEOUT_ERROR"}))),
        _ => None,
    })
    .await;
    // When
    sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap();
    // Then
    let sent = node.params("send_tx");
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|params| params["signed_tx_base64"] == sent[0]["signed_tx_base64"]));
    assert_eq!(account.lock().unwrap().included.len(), 1);
}

#[tokio::test]
async fn send_and_wait__should_find_what_was_included_before_the_connection_broke() {
    // Given a node that includes the transaction and then breaks the connection, so that the second sending is
    // refused for its nonce.
    let account = account();
    let node = node(&account, |sendings, method, params, account| {
        (sendings == 1 && method == "send_tx").then(|| {
            assert!(account.include(&transaction_in(params)).is_ok());
            Reply::Break
        })
    })
    .await;
    // When
    let outcome = sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap();
    // Then it is the outcome of the first and only transaction.
    let included = account.lock().unwrap();
    assert_eq!(included.included.keys().collect::<Vec<_>>(), [&outcome.tx_hash.to_string()]);
}

#[tokio::test]
async fn execute__should_sign_anew_when_the_bytes_expired() {
    // Given a chain that takes no transaction which names the block of the first signing.
    let account = account();
    let first = Arc::new(Mutex::new(None));
    let node = node(&account, move |_, method, params, _| {
        let expired = method == "send_tx" && {
            let hash = transaction_in(params).get_hash();
            *first.lock().unwrap().get_or_insert(hash) == hash
        };
        expired.then(|| Reply::Invalid(json!("Expired")))
    })
    .await;
    // When
    sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap();
    // Then the second signing took effect, and only it; the first never could any more, since both have one nonce.
    assert_eq!(account.lock().unwrap().included.keys().count(), 1);
    assert!(node.count("send_tx") > 2, "one refusal is not believed");
    let sent = node.params("send_tx");
    let (first, last) = (transaction_in(&sent[0]), transaction_in(&sent[sent.len() - 1]));
    assert_ne!(first.get_hash(), last.get_hash());
    assert_eq!(first.transaction.nonce(), last.transaction.nonce());
}

#[tokio::test]
async fn execute__should_sign_once_when_only_a_lagging_node_calls_the_bytes_refused() {
    // Given two nodes behind one address, the first of which knows neither the block nor the key yet.
    let lagging = [
        json!("Expired"),
        json!({"SignerDoesNotExist": {"signer_id": "node.test"}}),
        json!({"InvalidAccessKeyError": {"AccessKeyNotFound": {"account_id": "node.test",
            "public_key": secret().public_key()}}}),
    ];
    for refusal in lagging {
        let account = account();
        let node = node(&account, move |sendings, method, _, _| {
            (sendings <= 3 && method == "send_tx").then(|| Reply::Invalid(refusal.clone()))
        })
        .await;
        // When
        sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap();
        // Then the same bytes were sent until the other node took them.
        let sent = node.params("send_tx");
        assert!(sent.len() == 4 && sent.iter().all(|params| *params == sent[0]), "{}", sent.len());
    }
}

#[tokio::test]
async fn execute__should_bear_with_a_node_that_does_not_know_a_new_key_yet() {
    // Given a key that is in the newest block, and at first in no final one of the node that is asked
    let account = account();
    let mut unknown = 3;
    let node = node(&account, move |_, method, params, _| {
        let asked = method == "query" && params["finality"] == "final" && unknown > 0;
        unknown -= i32::from(asked);
        let info = json!({"public_key": secret().public_key(), "block_height": 7, "block_hash": chain::hash("b")});
        asked.then(|| Reply::Error(422, json!({"name": "UNKNOWN_ACCESS_KEY", "info": info})))
    })
    .await;
    // When it signs, then it is not called gone.
    sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap();
    assert_eq!(node.count("send_tx"), 1);
}

#[tokio::test]
async fn execute__should_not_believe_a_used_nonce_that_the_chain_does_not_show() {
    // Given a node that holds the bytes back and says that their nonce is used, which the key on the chain is not
    let account = account();
    let node = node(&account, |_, method, _, _| {
        let refusal = json!({"InvalidNonce": {"tx_nonce": 101, "ak_nonce": 500}});
        (method == "send_tx").then_some(Reply::Invalid(refusal))
    })
    .await;
    // When
    let error = sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap_err();
    // Then nothing else was signed, and nobody knows what becomes of the bytes.
    assert!(matches!(error, TxError::Unknown { .. }), "{error:?}");
    let sent = node.params("send_tx");
    assert!(sent.iter().all(|params| *params == sent[0]));
}

#[tokio::test]
async fn execute__should_not_take_included_bytes_for_lost_ones() {
    // Given a transaction that is included while its answer is lost, and then two nodes behind one address: one refuses
    // its nonce, the other, which is asked about the transaction, has not got so far.
    let account = account();
    let mut asked = 0;
    let node = node(&account, move |sendings, method, params, account| match method {
        "send_tx" if sendings == 1 => {
            assert!(account.include(&transaction_in(params)).is_ok());
            Some(Reply::Break)
        }
        "tx" => {
            asked += 1;
            (asked <= 5).then(|| chain::unknown_transaction(params))
        }
        _ => None,
    })
    .await;
    // When
    let outcome = sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap();
    // Then it took effect once.
    let included = account.lock().unwrap();
    assert_eq!(included.included.keys().collect::<Vec<_>>(), [&outcome.tx_hash.to_string()]);
}

#[tokio::test]
async fn send_and_wait__should_not_repeat_a_definite_refusal() {
    let account = account();
    let node = node(&account, |_, method, _, _| {
        (method == "send_tx").then(|| {
            Reply::Invalid(json!({"NotEnoughBalance": {"signer_id": "node.test", "balance": "1", "cost": "2"}}))
        })
    })
    .await;
    let error = sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap_err();
    assert!(!error.is_transient());
    assert!(error.to_string().contains("fund node.test"), "{error}");
    assert_eq!(node.count("send_tx"), 1);
}

#[tokio::test]
async fn send_and_wait__should_say_unknown_when_nobody_can_tell() {
    let account = account();
    let node = node(&account, |_, method, _, _| {
        (method == "send_tx").then(|| Reply::Error(408, json!({"name": "TIMEOUT_ERROR"})))
    })
    .await;
    let error = sender(&node).await.execute(request(), WaitLevel::Final).await.unwrap_err();
    assert!(matches!(error, TxError::Unknown { .. }), "{error:?}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn submit__should_be_repeatable_across_a_restart() {
    let account = account();
    let node = node(&account, |_, _, _, _| None).await;
    // Given a process that stored its bytes and sent them, and then died.
    let stored = {
        let sender = sender(&node).await;
        let mut lane = sender.pool().lane().await;
        let signed = sender.sign(&mut lane, &request()).await.unwrap();
        assert_eq!(node.count("send_tx"), 0, "signing sends nothing");
        sender.submit(&signed).await.unwrap();
        signed.bytes
    };
    // When its successor sends the stored bytes again and then something new
    let signed = SignedTx::from_bytes(&stored).unwrap();
    let sender = sender(&node).await;
    sender.pool().observe_nonce(&signed.public_key, signed.nonce);
    sender.submit(&signed).await.unwrap();
    let outcome = sender.send_and_wait(&signed, WaitLevel::Final).await.unwrap();
    sender.execute(request(), WaitLevel::Final).await.unwrap();
    // Then each took effect once.
    assert_eq!(outcome.tx_hash, signed.hash);
    assert_eq!(account.lock().unwrap().included.len(), 2);
}

#[tokio::test]
async fn execute__should_keep_one_transaction_per_key_in_flight() {
    // Given twenty callers and one key, on a chain that refuses a nonce out of order.
    let account = account();
    let node = node(&account, |_, _, _, _| None).await;
    let sender = sender(&node).await;
    // When all send at once
    let calls = (0..20).map(|_| sender.execute(request(), WaitLevel::Final));
    futures_util::future::try_join_all(calls).await.unwrap();
    // Then no nonce is lost.
    assert_eq!(node.count("send_tx"), 20);
    assert_eq!(account.lock().unwrap().included.len(), 20);
}

#[tokio::test]
async fn key_pool__should_refuse_a_key_that_is_not_on_the_account() {
    let node = FakeNode::start(|_, params| {
        Reply::Error(
            422,
            json!({"name": "UNKNOWN_ACCESS_KEY", "info": {"public_key": params["public_key"], "block_height": 1,
                "block_hash": chain::hash("b")}}),
        )
    })
    .await;
    let error = KeyPool::open(&node.client(), "node.test".parse().unwrap(), vec![secret()]).await.unwrap_err();
    assert!(error.to_string().contains("is not an access key of node.test"), "{error}");
}
