//! The JSON of errors, as nearcore writes it.

use serde_json::{Value, json};

use crate::rpc::setup::*;

/// An error with what differs from run to run blanked.
fn steady(mut body: Value) -> Value {
    let info = &mut body["error"]["cause"]["info"];
    for field in ["block_hash", "block_height"] {
        if info.get(field).is_some() {
            info[field] = json!("…");
        }
    }
    body["error"].take()
}

#[tokio::test]
async fn errors__should_have_nearcores_shape() {
    let setup = Setup::start().await;

    let (status, body) = setup.raw("no_such_method", json!(null)).await;
    assert_eq!(status, 400);
    insta::assert_json_snapshot!("method_not_found", steady(body));

    let (status, body) = setup.raw("query", json!({ "request_type": "view_account" })).await;
    assert_eq!(status, 400);
    insta::assert_json_snapshot!("parse_error", steady(body));

    let view = json!({ "request_type": "view_account", "finality": "final", "account_id": "nobody.near" });
    let (status, body) = setup.raw("query", view).await;
    assert_eq!(status, 200);
    insta::assert_json_snapshot!("unknown_account", steady(body));

    let hash = "11111111111111111111111111111112";
    let (status, body) = setup.raw("block", json!([hash])).await;
    assert_eq!(status, 200);
    insta::assert_json_snapshot!("unknown_block", steady(body));

    let unknown = json!({ "tx_hash": hash, "sender_account_id": "test.near", "wait_until": "NONE" });
    let (status, body) = setup.raw("tx", unknown).await;
    assert_eq!(status, 200);
    insta::assert_json_snapshot!("unknown_transaction", steady(body));

    let (status, body) = setup.raw("EXPERIMENTAL_receipt", json!({ "receipt_id": hash })).await;
    assert_eq!(status, 200);
    insta::assert_json_snapshot!("unknown_receipt", steady(body));

    let (status, body) = setup.raw("send_tx", json!({ "signed_tx_base64": "AAAA" })).await;
    assert_eq!(status, 400);
    assert_eq!(body["error"]["cause"]["name"], "PARSE_ERROR");
}

#[tokio::test]
async fn malformed_requests__should_be_answered_not_crash() {
    let setup = Setup::start().await;
    let client = reqwest::Client::new();

    for body in ["", "{", "[]", "null", "{\"jsonrpc\":\"1.0\"}", "\u{0}", "{\"jsonrpc\":\"2.0\",\"id\":1}"] {
        let response = client
            .post(setup.localnet.rpc_url())
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 400, "{body:?}");
    }

    // And the chain goes on
    let before = setup.head().await.header.height;
    setup.send(&setup.root.clone(), vec![transfer(1)]).await;
    assert!(setup.head().await.header.height > before);
}
