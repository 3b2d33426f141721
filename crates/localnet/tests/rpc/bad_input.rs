//! Requests and contracts that no honest client sends.

use near_primitives::{
    action::{Action, DeployContractAction, FunctionCallAction},
    types::{Balance, Gas},
};
use piecework_localnet::Config;
use serde_json::json;

use crate::setup::*;

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

    let response = reqwest::Client::new().post(setup.localnet.rpc_url()).body(body).send().await.unwrap();

    assert_eq!(response.status(), 400);
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
