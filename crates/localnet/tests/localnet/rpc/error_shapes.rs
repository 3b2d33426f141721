//! Errors as JSON, each of which near-primitives' and near-jsonrpc-primitives' types read back.

use std::collections::BTreeMap;

use near_crypto::{KeyType, SecretKey};
use near_jsonrpc_primitives::{errors::RpcError, types::transactions::RpcTransactionResponse};
use near_primitives::{
    account::{AccessKey, AccessKeyPermission, FunctionCallPermission},
    action::{
        Action, AddKeyAction, CreateAccountAction, DeleteAccountAction, DeleteKeyAction, DeployContractAction,
        FunctionCallAction, StakeAction, TransferAction,
    },
    errors::TxExecutionError,
    hash::CryptoHash,
    transaction::{SignedTransaction, Transaction, TransactionV0},
    types::{AccountId, Balance, Gas},
    views::FinalExecutionStatus,
};
use serde_json::{Value, json};

use crate::rpc::setup::*;

/// A snapshot without what differs from run to run.
fn steady(setup: &Setup, value: &Value) -> Value {
    let text = value.to_string().replace(&setup.signer.public_key().to_string(), "the root key");
    let mut value = serde_json::from_str(&text).unwrap();
    blank(&mut value);
    value
}

fn blank(value: &mut Value) {
    const CHANGING: [&str; 11] = [
        "block_hash",
        "block_height",
        "tx_nonce",
        "ak_nonce",
        "upper_bound",
        "cost",
        "balance",
        "locked",
        "minimum_stake",
        "allowance",
        "amount",
    ];
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if CHANGING.contains(&name.as_str()) && !field.is_object() {
                    *field = json!("…");
                }
                blank(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        _ => {}
    }
}

fn sign(setup: &Setup, change: impl FnOnce(&mut TransactionV0), head: CryptoHash) -> SignedTransaction {
    let mut inner = TransactionV0 {
        signer_id: setup.root.clone(),
        public_key: setup.signer.public_key(),
        nonce: 900_000,
        receiver_id: setup.root.clone(),
        block_hash: head,
        actions: vec![transfer(1)],
    };
    change(&mut inner);
    let transaction = Transaction::V0(inner);
    let (hash, _) = transaction.get_hash_and_size();
    SignedTransaction::new(setup.signer.sign(hash.as_ref()), transaction)
}

async fn send(setup: &Setup, tx: &SignedTransaction) -> Value {
    let params = json!({ "signed_tx_base64": encoded(tx), "wait_until": "FINAL" });
    setup.raw("send_tx", params).await.1
}

fn gas_call(method_name: &str, gas: Gas) -> Action {
    let method_name = method_name.to_owned();
    Action::FunctionCall(Box::new(FunctionCallAction { method_name, args: vec![], gas, deposit: Balance::ZERO }))
}

#[tokio::test]
async fn invalid_transactions__should_have_nearcores_shape() {
    // Given transactions that are wrong in one way each
    let setup = Setup::start().await;
    let head = setup.head().await.header.hash;
    let nobody: AccountId = "nobody.near".parse().unwrap();
    let stranger = SecretKey::from_seed(KeyType::ED25519, "stranger");
    let mut forged = sign(&setup, |_| {}, head);
    forged.signature = stranger.sign(b"something else");
    let other_key = sign(&setup, |tx| tx.public_key = stranger.public_key(), head);
    let (hash, _) = other_key.transaction.get_hash_and_size();
    let other_key = SignedTransaction::new(stranger.sign(hash.as_ref()), other_key.transaction);
    let actions = |actions: Vec<Action>| move |tx: &mut TransactionV0| tx.actions = actions;
    let much = Balance::from_near(1_000_000_000_000);
    let cases = [
        ("invalid_signature", forged),
        ("access_key_not_found", other_key),
        ("signer_does_not_exist", sign(&setup, |tx| tx.signer_id = nobody.clone(), head)),
        ("invalid_nonce", sign(&setup, |tx| tx.nonce = 0, head)),
        ("expired", sign(&setup, |tx| tx.block_hash = CryptoHash::hash_bytes(b"other chain"), head)),
        ("not_enough_balance", sign(&setup, actions(vec![Action::Transfer(TransferAction { deposit: much })]), head)),
        ("no_gas", sign(&setup, actions(vec![gas_call("m", Gas::ZERO)]), head)),
        (
            "too_large",
            sign(
                &setup,
                actions(vec![Action::DeployContract(DeployContractAction { code: vec![0; 1_572_864] })]),
                head,
            ),
        ),
    ];

    let mut shapes = BTreeMap::new();
    for (name, tx) in cases {
        // When they are sent
        let mut body = send(&setup, &tx).await;

        // Then clients can read why they are refused
        let error = body["error"].take();
        let read: RpcError = serde_json::from_value(error.clone()).unwrap_or_else(|cause| panic!("{error}: {cause}"));
        let data = read.data.unwrap();
        let reason: TxExecutionError = serde_json::from_value(data["TxExecutionError"].clone()).unwrap();
        assert!(matches!(reason, TxExecutionError::InvalidTxError(_)), "{name}: {reason:?}");
        shapes.insert(name, steady(&setup, &error));
    }
    insta::assert_json_snapshot!("invalid_transactions", shapes);
}

#[tokio::test]
async fn action_errors__should_have_nearcores_shape() {
    // Given actions that fail in one way each
    let setup = Setup::with_contract().await;
    let root = setup.root.clone();
    let account = |id: &str| id.parse::<AccountId>().unwrap();
    let key = SecretKey::from_seed(KeyType::ED25519, "key").public_key();
    let add = AddKeyAction { public_key: setup.signer.public_key(), access_key: AccessKey::full_access() };
    let stake = StakeAction { stake: Balance::from_yoctonear(1), public_key: key.clone() };
    let permission = AccessKeyPermission::FunctionCall(FunctionCallPermission {
        allowance: None,
        receiver_id: "x".to_owned(),
        method_names: vec![],
    });
    let invalid_key = AddKeyAction { public_key: key.clone(), access_key: AccessKey { nonce: 0, permission } };
    let cases = [
        ("account_already_exists", root.clone(), Action::CreateAccount(CreateAccountAction {})),
        ("account_does_not_exist", account("nobody.test.near"), transfer(1)),
        ("create_account_only_by_registrar", account("short"), Action::CreateAccount(CreateAccountAction {})),
        ("create_account_not_allowed", account("sub.other.near"), Action::CreateAccount(CreateAccountAction {})),
        ("actor_no_permission", account("near"), Action::DeployContract(DeployContractAction { code: vec![] })),
        ("delete_key_does_not_exist", root.clone(), Action::DeleteKey(Box::new(DeleteKeyAction { public_key: key }))),
        ("add_key_already_exists", root.clone(), Action::AddKey(Box::new(add))),
        (
            "delete_account_staking",
            root.clone(),
            Action::DeleteAccount(DeleteAccountAction { beneficiary_id: root.clone() }),
        ),
        ("insufficient_stake", root.clone(), Action::Stake(Box::new(stake))),
        ("method_not_found", root.clone(), gas_call("nothing", Gas::from_teragas(10))),
        ("code_does_not_exist", account("near"), gas_call("nothing", Gas::from_teragas(10))),
        ("panicked", root.clone(), gas_call("fail", Gas::from_teragas(10))),
        ("gas_exceeded", root.clone(), gas_call("set", Gas::from_gas(1))),
        ("only_implicit_creation", account(&"ab".repeat(32)), Action::CreateAccount(CreateAccountAction {})),
    ];
    let refused =
        sign(&setup, |tx| tx.actions = vec![Action::AddKey(Box::new(invalid_key))], setup.head().await.header.hash);
    let invalid = send(&setup, &refused).await;

    let mut shapes = BTreeMap::new();
    shapes.insert("refused_before_it_runs", steady(&setup, &invalid["error"]["data"]));
    for (name, receiver_id, action) in cases {
        // When they run
        let tx = setup.sign(&receiver_id, vec![action]).await;
        let body = send(&setup, &tx).await;

        // Then clients can read how they failed
        let response: RpcTransactionResponse = serde_json::from_value(body["result"].clone()).unwrap();
        let outcome = response.final_execution_outcome.unwrap().into_outcome();
        let FinalExecutionStatus::Failure(TxExecutionError::ActionError(_)) = outcome.status else {
            panic!("{name}: {:?}", outcome.status)
        };
        shapes.insert(name, steady(&setup, &body["result"]["status"]["Failure"]));
    }
    insta::assert_json_snapshot!("action_errors", shapes);
}

#[tokio::test]
async fn query_errors__should_have_nearcores_shape() {
    // Given a contract and a key that gets nowhere
    let setup = Setup::with_contract().await;
    let root = setup.root.clone();
    let hash = CryptoHash::hash_bytes(b"nothing").to_string();
    let key = SecretKey::from_seed(KeyType::ED25519, "key").public_key();
    let at = |mut params: Value| {
        params["finality"] = json!("optimistic");
        params
    };
    let view = |method: &str, account: &str| {
        at(json!({ "request_type": "call_function", "account_id": account, "method_name": method, "args_base64": "" }))
    };
    let cases = [
        ("unknown_account", "query", at(json!({ "request_type": "view_account", "account_id": "nobody.near" }))),
        ("invalid_account", "query", at(json!({ "request_type": "view_account", "account_id": "No body" }))),
        ("no_contract_code", "query", at(json!({ "request_type": "view_code", "account_id": "near" }))),
        (
            "unknown_access_key",
            "query",
            at(json!({ "request_type": "view_access_key", "account_id": root, "public_key": key })),
        ),
        (
            "unknown_gas_key",
            "query",
            at(json!({ "request_type": "view_gas_key_nonces", "account_id": root, "public_key": key })),
        ),
        (
            "no_global_contract_code",
            "query",
            at(json!({ "request_type": "view_global_contract_code", "code_hash": hash })),
        ),
        ("view_of_an_unknown_method", "query", view("nothing", root.as_str())),
        ("view_that_panics", "query", view("fail", root.as_str())),
        ("view_that_writes", "query", view("set", root.as_str())),
        ("view_without_code", "query", view("get", "near")),
        ("view_of_an_unknown_account", "query", view("get", "nobody.near")),
        (
            "unknown_block_in_query",
            "query",
            json!({ "request_type": "view_account", "account_id": root, "block_id": 1_000_000 }),
        ),
        ("unknown_height", "block", json!({ "block_id": 1_000_000 })),
        ("unknown_chunk", "chunk", json!({ "chunk_id": hash })),
        ("invalid_shard", "chunk", json!({ "block_id": 0, "shard_id": 7 })),
        ("unknown_epoch", "validators", json!({ "epoch_id": hash })),
        ("unknown_gas_price_block", "gas_price", json!([hash])),
        (
            "unknown_light_client_outcome",
            "light_client_proof",
            json!({ "type": "receipt", "receipt_id": hash, "receiver_id": root, "light_client_head": hash }),
        ),
        ("not_base64", "send_tx", json!(["not base 64"])),
        ("not_a_transaction", "send_tx", json!({ "signed_tx_base64": "AAAA" })),
    ];

    let mut shapes = BTreeMap::new();
    for (name, method, params) in cases {
        // When something is asked that there is no answer to
        let (status, body) = setup.raw(method, params).await;

        // Then the error reads as nearcore's, or is the result of the first version of the API
        if let Some(error) = body.get("error") {
            let read: RpcError =
                serde_json::from_value(error.clone()).unwrap_or_else(|cause| panic!("{error}: {cause}"));
            assert!(read.error_struct.is_some(), "{name}: {error}");
        } else {
            assert!(body["result"]["error"].is_string(), "{name}: {body}");
        }
        let answer = body.get("error").unwrap_or(&body["result"]);
        shapes.insert(name, json!({ "http": status, "answer": steady(&setup, answer) }));
    }
    insta::assert_json_snapshot!("query_errors", shapes);
}
