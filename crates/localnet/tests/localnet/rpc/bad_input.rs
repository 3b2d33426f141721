//! Requests and contracts that no honest client sends.

use near_primitives::{
    action::{Action, DeployContractAction, FunctionCallAction},
    types::{Balance, Gas},
};
use piecework_localnet::Config;
use serde_json::json;

use crate::rpc::setup::*;

async fn post(setup: &Setup, body: String) -> reqwest::Response {
    let request = reqwest::Client::new().post(setup.localnet.rpc_url()).header("content-type", "application/json");
    request.body(body).send().await.unwrap()
}

#[tokio::test]
async fn oversized_body__should_be_refused() {
    // Given a node that takes a kilobyte
    let setup = Setup::with(Config { max_body_bytes: 1_024, ..Config::ephemeral() }).await;

    // When a request is larger
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "status", "params": "x".repeat(2_000) });
    let client = reqwest::Client::new();
    let response = client.post(setup.localnet.rpc_url()).json(&request).send().await.unwrap();

    // Then it is too large, and a smaller one is answered
    assert_eq!(response.status(), 413);
    assert_eq!(setup.raw("status", json!([])).await.0, 200);
}

#[tokio::test]
async fn deeply_nested_json__should_be_refused() {
    let setup = Setup::start().await;
    let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));

    let response = post(&setup, body).await;

    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn body__should_say_that_it_is_json() {
    // Given a request that any client could have sent
    let setup = Setup::start().await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"status","params":[]}"#;

    for (content_type, status) in [
        (Some("application/json"), 200),
        (Some("application/vnd.api+json"), 200),
        (Some("text/plain"), 415),
        (None, 415),
    ] {
        // When it is sent with another content type, or none
        let request = reqwest::Client::new().post(setup.localnet.rpc_url()).body(body);
        let request = match content_type {
            Some(content_type) => request.header("content-type", content_type),
            None => request,
        };

        // Then only JSON is read
        assert_eq!(request.send().await.unwrap().status(), status, "{content_type:?}");
    }
}

#[tokio::test]
async fn parameters__should_be_given_where_they_are_wanted() {
    // Given parameters of methods that want at least a null, and names that no nearcore has
    let setup = Setup::start().await;

    for (method, params, name) in [
        ("gas_price", json!([]), "PARSE_ERROR"),
        ("gas_price", json!(null), "PARSE_ERROR"),
        ("gas_price", json!([null, null]), "PARSE_ERROR"),
        ("gas_price", json!("latest"), "PARSE_ERROR"),
        ("EXPERIMENTAL_validators_ordered", json!([]), "PARSE_ERROR"),
        ("EXPERIMENTAL_validators_ordered", json!(null), "PARSE_ERROR"),
        ("block", json!({}), "PARSE_ERROR"),
        ("block", json!({ "finality": null }), "PARSE_ERROR"),
        ("query", json!({ "request_type": "view_account", "account_id": "test.near" }), "PARSE_ERROR"),
        ("EXPERIMENTAL_changes", json!({ "changes_type": "account_changes", "account_ids": [] }), "PARSE_ERROR"),
        ("validators", json!([]), "PARSE_ERROR"),
        ("tx_status", json!([]), "METHOD_NOT_FOUND"),
        ("receipt", json!([]), "METHOD_NOT_FOUND"),
        ("EXPERIMENTAL_next_light_client_block", json!([]), "METHOD_NOT_FOUND"),
    ] {
        // When they are left out, then the request is refused
        let (status, answer) = setup.raw(method, params.clone()).await;
        assert_eq!((status, &answer["error"]["cause"]["name"]), (400, &json!(name)), "{method} {params}");
    }
    for params in [json!([null]), json!({ "block_id": null })] {
        assert_eq!(setup.raw("gas_price", params).await.0, 200);
    }
}

#[tokio::test]
async fn fast_forward__should_not_run_out_of_heights() {
    let setup = Setup::start().await;

    let (status, body) = setup.raw("sandbox_fast_forward", json!({ "delta_height": u64::MAX })).await;

    assert_eq!((status, &body["error"]["cause"]["name"]), (500, &json!("INTERNAL_ERROR")));
    setup.send(&setup.root.clone(), vec![transfer(1)]).await;
}

#[tokio::test]
async fn patched_balance__should_not_be_more_than_sums_can_hold() {
    let setup = Setup::start().await;
    let account = json!({ "amount": u128::MAX.to_string(), "locked": "0", "storage_usage": 100,
        "code_hash": "11111111111111111111111111111111" });
    let records = json!({ "records": [{ "Account": { "account_id": "rich.near", "account": account } }] });

    let (_, body) = setup.raw("sandbox_patch_state", records).await;

    assert!(body["error"].is_object(), "{body}");
    setup.send(&setup.root.clone(), vec![transfer(1)]).await;
}

#[tokio::test]
async fn invalid_code__should_deploy_and_fail_when_called() {
    let setup = Setup::start().await;
    let root = setup.root.clone();
    let other_imports = wat::parse_str(r#"(module (import "env" "unknown" (func)) (func (export "set")))"#).unwrap();
    let huge_table = wat::parse_str(r#"(module (table 100000000 funcref) (func (export "set")))"#).unwrap();

    for code in [Vec::new(), b"no code".to_vec(), other_imports, huge_table] {
        setup.send(&root, vec![Action::DeployContract(DeployContractAction { code })]).await;
        let outcome = setup.send(&root, vec![call("set", b"")]).await;
        let status = serde_json::to_value(&outcome.status).unwrap();
        assert!(status["Failure"]["ActionError"]["kind"]["FunctionCallError"].is_object(), "{status}");
        let view = json!({ "request_type": "call_function", "finality": "optimistic", "account_id": root,
            "method_name": "set", "args_base64": "" });
        assert_eq!(setup.raw("query", view).await.0, 200);
    }
}

#[tokio::test]
async fn endless_view__should_run_out_of_gas() {
    // Given a contract that never ends
    let setup = Setup::start().await;
    let root = setup.root.clone();
    let code = wat::parse_str(r#"(module (func (export "spin") (loop $again (br $again))))"#).unwrap();
    setup.send(&root, vec![Action::DeployContract(DeployContractAction { code })]).await;

    // When it is viewed
    let view = json!({ "request_type": "call_function", "finality": "optimistic", "account_id": root,
        "method_name": "spin", "args_base64": "" });
    let (status, body) = setup.raw("query", view).await;

    // Then the view ends with the virtual machine's error
    assert_eq!(status, 200);
    let error = body["result"]["error"].as_str().unwrap();
    assert!(error.contains("GasLimitExceeded") || error.contains("GasExceeded"), "{error}");

    // And a call burns what it was given
    let gas = Gas::from_teragas(30);
    let spin = FunctionCallAction { method_name: "spin".to_owned(), args: Vec::new(), gas, deposit: Balance::ZERO };
    let outcome = setup.send(&root, vec![Action::FunctionCall(Box::new(spin))]).await;
    assert!(outcome.receipts_outcome[0].outcome.gas_burnt > gas);
}
