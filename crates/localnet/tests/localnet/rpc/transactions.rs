use std::time::Duration;

use near_jsonrpc_client::{
    errors::{JsonRpcError, JsonRpcServerError},
    methods,
};
use near_jsonrpc_primitives::types::{receipts::ReceiptReference, transactions::RpcTransactionError};
use near_primitives::{
    errors::InvalidTxError,
    hash::CryptoHash,
    transaction::SignedTransaction,
    views::{FinalExecutionStatus, TxExecutionStatus},
};
use piecework_localnet::{Config, node::RpcRules};
use serde_json::{Value, json};

use crate::rpc::setup::*;

#[tokio::test]
async fn send_tx__should_wait_for_every_level() {
    // Given a chain
    let setup = Setup::with_contract().await;
    let root = setup.root.clone();

    for wait_until in [
        TxExecutionStatus::None,
        TxExecutionStatus::Included,
        TxExecutionStatus::ExecutedOptimistic,
        TxExecutionStatus::IncludedFinal,
        TxExecutionStatus::Executed,
        TxExecutionStatus::Final,
    ] {
        // When a transaction is sent with a level to wait for
        let signed_transaction = setup.sign(&root, vec![call("set", b"x")]).await;
        let hash = signed_transaction.get_hash();
        let request =
            methods::send_tx::RpcSendTransactionRequest { signed_transaction, wait_until: wait_until.clone() };
        let response = setup.client.call(request).await.unwrap();

        // Then the answer has come that far, and the transaction can be found afterwards
        let has_outcome = response.final_execution_outcome.is_some();
        assert_eq!(has_outcome, wait_until != TxExecutionStatus::None, "{wait_until:?}");
        use TxExecutionStatus as At;
        let enough: &[At] = match wait_until {
            At::None => &[At::None],
            At::Included => &[At::Included, At::ExecutedOptimistic, At::IncludedFinal, At::Executed, At::Final],
            At::ExecutedOptimistic => &[At::ExecutedOptimistic, At::Executed, At::Final],
            At::IncludedFinal => &[At::IncludedFinal, At::Executed, At::Final],
            At::Executed => &[At::Executed, At::Final],
            At::Final => &[At::Final],
        };
        let reached = response.final_execution_status;
        assert!(enough.contains(&reached), "{wait_until:?} is answered at {reached:?}");
        let request = methods::tx::RpcTransactionStatusRequest {
            transaction_info: methods::tx::TransactionInfo::TransactionId {
                tx_hash: hash,
                sender_account_id: root.clone(),
            },
            wait_until: TxExecutionStatus::Final,
        };
        let found = setup.client.call(request).await.unwrap();
        let status = found.final_execution_outcome.unwrap().into_outcome().status;
        assert_eq!(status, FinalExecutionStatus::SuccessValue(Vec::new()));
    }
}

#[tokio::test]
async fn broadcast__should_work_both_ways() {
    let setup = Setup::with_contract().await;
    let root = setup.root.clone();

    let signed_transaction = setup.sign(&root, vec![call("set", b"x")]).await;
    let request = methods::broadcast_tx_commit::RpcBroadcastTxCommitRequest { signed_transaction };
    let outcome = setup.client.call(request).await.unwrap();
    assert!(matches!(outcome.status, FinalExecutionStatus::SuccessValue(_)));

    let signed_transaction = setup.sign(&root, vec![call("set", b"x")]).await;
    let hash = signed_transaction.get_hash();
    let request = methods::broadcast_tx_async::RpcBroadcastTxAsyncRequest { signed_transaction };
    assert_eq!(setup.client.call(request).await.unwrap(), hash);
}

#[tokio::test]
async fn invalid_transaction__should_be_refused_with_the_reason() {
    // Given a nonce that has been used
    let setup = Setup::start().await;
    let root = setup.root.clone();
    let used = setup.sign(&root, vec![transfer(1)]).await;
    let nonce = used.transaction.nonce().nonce();
    let request =
        methods::send_tx::RpcSendTransactionRequest { signed_transaction: used, wait_until: TxExecutionStatus::Final };
    setup.client.call(request).await.unwrap();

    // When it is used again
    let head = setup.head().await.header.hash;
    let signed_transaction = setup.sign_with(&root, vec![transfer(2)], nonce, head);
    let request =
        methods::send_tx::RpcSendTransactionRequest { signed_transaction, wait_until: TxExecutionStatus::Final };
    let error = setup.client.call(request).await.unwrap_err();

    // Then the client understands why
    let JsonRpcError::ServerError(JsonRpcServerError::HandlerError(error)) = error else { panic!("{error:?}") };
    match error {
        RpcTransactionError::InvalidTransaction { context: InvalidTxError::InvalidNonce { tx_nonce, ak_nonce } } => {
            assert_eq!((tx_nonce, ak_nonce), (nonce, nonce));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn failed_transaction__should_be_an_outcome() {
    let setup = Setup::with_contract().await;

    let outcome = setup.send(&setup.root.clone(), vec![call("fail", b"")]).await;

    let failure = serde_json::to_value(&outcome.status).unwrap();
    assert_eq!(
        failure["Failure"]["ActionError"]["kind"]["FunctionCallError"]["ExecutionError"],
        "Smart contract panicked: hello"
    );
}

#[tokio::test]
async fn unknown_transaction__should_be_said_at_once_without_a_wait() {
    let setup = Setup::start().await;
    let tx_hash = CryptoHash::hash_bytes(b"nothing");

    let request = methods::tx::RpcTransactionStatusRequest {
        transaction_info: methods::tx::TransactionInfo::TransactionId {
            tx_hash,
            sender_account_id: setup.root.clone(),
        },
        wait_until: TxExecutionStatus::None,
    };
    let error = setup.client.call(request).await.unwrap_err();

    let JsonRpcError::ServerError(JsonRpcServerError::HandlerError(error)) = error else { panic!("{error:?}") };
    assert!(
        matches!(error, RpcTransactionError::UnknownTransaction { requested_transaction_hash } if requested_transaction_hash == tx_hash)
    );
}

#[tokio::test]
async fn receipt__should_be_found_by_id() {
    // Given a receipt to another account
    let setup = Setup::start().await;
    let near = "near".parse().unwrap();
    let outcome = setup.send(&near, vec![transfer(1)]).await;
    let receipt_id = outcome.transaction_outcome.outcome.receipt_ids[0];

    // When it is asked for
    let request =
        methods::EXPERIMENTAL_receipt::RpcReceiptRequest { receipt_reference: ReceiptReference { receipt_id } };
    let receipt = setup.client.call(request).await.unwrap();

    // Then it is the one
    assert_eq!(receipt.receipt_id, receipt_id);
    assert_eq!(receipt.receiver_id, near);
}

#[tokio::test]
async fn status_of_a_whole_transaction__should_say_that_it_is_invalid() {
    // Given a transaction that nobody sent and that costs more than its signer has
    let setup = Setup::start().await;
    let root = setup.root.clone();
    let transaction = setup.sign(&root, vec![transfer(u128::from(u32::MAX))]).await;

    // When its status is waited for
    let transaction_info = methods::tx::TransactionInfo::Transaction { signed_tx: transaction };
    let request = methods::tx::RpcTransactionStatusRequest { transaction_info, wait_until: TxExecutionStatus::Final };
    let error = setup.client.call(request).await.unwrap_err();

    // Then the reason comes instead of a time-out
    let JsonRpcError::ServerError(JsonRpcServerError::HandlerError(error)) = error else { panic!("{error:?}") };
    let RpcTransactionError::InvalidTransaction { context } = error else { panic!("{error:?}") };
    assert!(matches!(context, InvalidTxError::NotEnoughBalance { .. }), "{context:?}");
}

/// The error of a raw request.
async fn refusal(setup: &Setup, method: &str, params: Value) -> (u16, Value) {
    let (status, answer) = setup.raw(method, params).await;
    (status, answer["error"].clone())
}

#[tokio::test]
async fn nonce_beyond_the_range__should_only_be_refused_by_the_chunk() {
    // Given a transaction whose nonce no block takes yet, on a node that waits for a moment only
    let rules = RpcRules { wait_limit: Duration::from_millis(300), ..RpcRules::default() };
    let setup = Setup::with(Config { rules, ..Config::ephemeral() }).await;
    let head = setup.head().await.header;
    let tx = setup.sign_with(&setup.root, vec![transfer(1)], (head.height + 1_000) * 1_000_000, head.hash);

    for (method, params) in [
        ("send_tx", json!({ "signed_tx_base64": encoded(&tx), "wait_until": "INCLUDED" })),
        ("broadcast_tx_commit", json!([encoded(&tx)])),
        ("tx", json!([encoded(&tx)])),
        ("tx", json!({ "tx_hash": tx.get_hash(), "sender_account_id": setup.root })),
    ] {
        // When it is sent or asked about, then it never comes
        let (status, error) = refusal(&setup, method, params).await;
        assert_eq!(status, 408, "{method}: {error}");
        assert_eq!(error["cause"], json!({ "name": "TIMEOUT_ERROR", "info": { "cause": "NOT_OBSERVED" } }), "{method}");
    }
    let unknown = json!({ "tx_hash": tx.get_hash(), "sender_account_id": setup.root, "wait_until": "NONE" });
    assert_eq!(refusal(&setup, "tx", unknown).await.1["cause"]["name"], "UNKNOWN_TRANSACTION");
}

#[tokio::test]
async fn transaction_dropped_from_the_pool__should_be_refused_with_the_reason_if_given_whole() {
    // Given two transactions of one nonce that wait for the same block
    let rules = RpcRules { wait_limit: Duration::from_millis(300), ..RpcRules::default() };
    let setup = Setup::with(Config { rules, ..Setup::paused_config() }).await;
    setup.produce(1).await;
    let head = setup.head().await.header.hash;
    let nonce = setup.sign(&setup.root, vec![]).await.transaction.nonce().nonce();
    let (one, other) = (
        setup.sign_with(&setup.root, vec![transfer(1)], nonce, head),
        setup.sign_with(&setup.root, vec![transfer(2)], nonce, head),
    );
    for tx in [&one, &other] {
        setup.raw("broadcast_tx_async", json!([encoded(tx)])).await;
    }
    setup.produce(1).await;

    // When each is sent again, then the one that ran is found, and the other one's nonce is used
    let again = |tx: &SignedTransaction| json!({ "signed_tx_base64": encoded(tx), "wait_until": "INCLUDED" });
    let (ran, dropped) = match refusal(&setup, "send_tx", again(&one)).await.0 {
        200 if setup.raw("send_tx", again(&one)).await.1["error"].is_null() => (one, other),
        _ => (other, one),
    };
    assert_eq!(refusal(&setup, "send_tx", again(&ran)).await, (200, Value::Null));
    for params in [again(&dropped), json!([encoded(&dropped)])] {
        let method = if params.is_array() { "tx" } else { "send_tx" };
        let (_, error) = refusal(&setup, method, params).await;
        assert_eq!(error["cause"]["name"], "INVALID_TRANSACTION", "{method}");
        assert!(error["data"]["TxExecutionError"]["InvalidTxError"]["InvalidNonce"].is_object(), "{error}");
    }
    let by_hash = json!({ "tx_hash": dropped.get_hash(), "sender_account_id": setup.root });
    assert_eq!(refusal(&setup, "tx", by_hash).await.0, 408);
}

#[tokio::test]
async fn executed_transaction__should_expire_like_any_other() {
    // Given a transaction that ran
    let setup = Setup::start().await;
    let tx = setup.sign(&setup.root, vec![transfer(1)]).await;
    let request = json!({ "signed_tx_base64": encoded(&tx), "wait_until": "FINAL" });
    assert_eq!(refusal(&setup, "send_tx", request.clone()).await, (200, Value::Null));

    // When it is sent again it is found
    assert_eq!(refusal(&setup, "send_tx", request.clone()).await, (200, Value::Null));

    // And a hundred heights after the block it names it is not taken any more, though it is still known
    setup.raw("sandbox_fast_forward", json!({ "delta_height": 150 })).await;
    let (_, error) = refusal(&setup, "send_tx", request).await;
    assert_eq!(error["data"]["TxExecutionError"]["InvalidTxError"], "Expired");
    assert_eq!(refusal(&setup, "tx", json!([encoded(&tx)])).await, (200, Value::Null));
}

#[tokio::test]
async fn transaction__should_be_valid_for_a_hundred_blocks() {
    // Given a transaction that names the head
    let setup = Setup::start().await;
    let tx = setup.sign(&setup.root, vec![transfer(1)]).await;

    // When 150 heights are skipped, then it has expired
    setup.raw("sandbox_fast_forward", json!({ "delta_height": 150 })).await;
    let (status, error) = refusal(&setup, "send_tx", json!({ "signed_tx_base64": encoded(&tx) })).await;
    assert_eq!(status, 200);
    assert_eq!(error["data"]["TxExecutionError"]["InvalidTxError"], "Expired");
}
