use near_crypto::{KeyType, SecretKey};
use near_jsonrpc_client::{errors::JsonRpcError, methods};
use near_jsonrpc_primitives::types::query::{QueryResponseKind, RpcQueryError};
use near_primitives::{
    account::AccessKey,
    action::{Action, AddKeyAction, StakeAction},
    serialize::to_base64,
    state_record::StateRecord,
    types::{Balance, BlockId, BlockReference, EpochReference, Finality, validator_stake::ValidatorStake},
    views::{QueryRequest, StateChangeValueView, StateChangesRequestView, validator_stake_view::ValidatorStakeView},
};
use serde_json::{Value, json};

use crate::rpc::setup::*;

async fn query(setup: &Setup, block_reference: BlockReference, request: QueryRequest) -> QueryResponseKind {
    let request = methods::query::RpcQueryRequest { block_reference, request };
    setup.client.call(request).await.unwrap().kind
}

fn latest() -> BlockReference {
    BlockReference::Finality(Finality::None)
}

#[tokio::test]
async fn view_call__should_see_the_state_of_the_block_asked_for() {
    // Given a contract that stored "one" and then "two"
    let setup = Setup::with_contract().await;
    let root = setup.root.clone();
    setup.send(&root, vec![call("set", b"one")]).await;
    let first = setup.head().await.header.height;
    setup.send(&root, vec![call("set", b"two")]).await;

    // Then each block shows its own
    let get = || QueryRequest::CallFunction {
        account_id: root.clone(),
        method_name: "get".to_owned(),
        args: Vec::new().into(),
    };
    for (at, expected) in [(latest(), b"two"), (BlockReference::BlockId(BlockId::Height(first)), b"one")] {
        let QueryResponseKind::CallResult(result) = query(&setup, at, get()).await else { panic!("no result") };
        assert_eq!(result.result, expected);
    }
}

#[tokio::test]
async fn view_state__should_list_a_prefix_in_pages() {
    // Given five patched entries, four of them under a prefix
    let setup = Setup::with_contract().await;
    let entry = |key: &str| StateRecord::Data {
        account_id: setup.root.clone(),
        data_key: key.as_bytes().to_vec().into(),
        value: b"v".to_vec().into(),
    };
    let records = ["a", "p1", "p2", "p3", "p4"].map(entry).to_vec();
    setup.client.call(methods::sandbox_patch_state::RpcSandboxPatchStateRequest { records }).await.unwrap();

    // When the prefix is read two entries at a time
    let mut seen = Vec::new();
    let mut after_key = None;
    loop {
        let request = QueryRequest::ViewState {
            account_id: setup.root.clone(),
            prefix: b"p".to_vec().into(),
            after_key,
            limit: std::num::NonZeroU32::new(2),
            include_proof: false,
        };
        let QueryResponseKind::ViewState(page) = query(&setup, latest(), request).await else { panic!("no state") };
        seen.extend(page.values.iter().map(|item| String::from_utf8(item.key.to_vec()).unwrap()));
        after_key = page.last_key;
        if after_key.is_none() {
            break;
        }
    }

    // Then all four came once, in order
    assert_eq!(seen, ["p1", "p2", "p3", "p4"]);
}

#[tokio::test]
async fn keys_and_code__should_be_viewable() {
    let setup = Setup::with_contract().await;
    let account_id = setup.root.clone();

    let list = QueryRequest::ViewAccessKeyList { account_id: account_id.clone(), after_key: None, limit: None };
    let QueryResponseKind::AccessKeyList(list) = query(&setup, latest(), list).await else { panic!("no list") };
    assert_eq!(list.keys.len(), 1);

    let code = QueryRequest::ViewCode { account_id: account_id.clone() };
    let QueryResponseKind::ViewCode(code) = query(&setup, latest(), code).await else { panic!("no code") };
    let account = QueryRequest::ViewAccount { account_id };
    let QueryResponseKind::ViewAccount(account) = query(&setup, latest(), account).await else { panic!("none") };
    assert_eq!(account.code_hash, code.hash);
}

#[tokio::test]
async fn query__should_fail_in_ways_the_client_knows() {
    let setup = Setup::with_contract().await;
    let fail = async |request| {
        let request = methods::query::RpcQueryRequest { block_reference: latest(), request };
        match setup.client.call(request).await.unwrap_err() {
            JsonRpcError::ServerError(near_jsonrpc_client::errors::JsonRpcServerError::HandlerError(error)) => error,
            other => panic!("{other:?}"),
        }
    };

    let nobody: near_primitives::types::AccountId = "nobody.near".parse().unwrap();
    let error = fail(QueryRequest::ViewAccount { account_id: nobody.clone() }).await;
    assert!(
        matches!(error, RpcQueryError::UnknownAccount { requested_account_id, .. } if requested_account_id == nobody)
    );

    let public_key = SecretKey::from_random(KeyType::ED25519).public_key();
    let error = fail(QueryRequest::ViewAccessKey { account_id: setup.root.clone(), public_key }).await;
    assert!(matches!(error, RpcQueryError::UnknownAccessKey { .. }), "{error:?}");

    let method_name = "fail".to_owned();
    let args = Vec::new().into();
    let error = fail(QueryRequest::CallFunction { account_id: setup.root.clone(), method_name, args }).await;
    let RpcQueryError::ContractExecutionError { vm_error, .. } = error else { panic!("{error:?}") };
    assert_eq!(vm_error, "wasm execution failed with error: HostError(GuestPanic { panic_msg: \"hello\" })");
}

#[tokio::test]
async fn changes__should_name_the_receipt_that_wrote() {
    // Given a call that wrote an entry
    let setup = Setup::with_contract().await;
    let outcome = setup.send(&setup.root.clone(), vec![call("set", b"one")]).await;
    let receipt = &outcome.receipts_outcome[0];

    // When the changes of its block are asked for
    let request = methods::EXPERIMENTAL_changes::RpcStateChangesInBlockByTypeRequest {
        block_reference: BlockReference::BlockId(BlockId::Hash(receipt.block_hash)),
        state_changes_request: StateChangesRequestView::DataChanges {
            account_ids: vec![setup.root.clone()],
            key_prefix: b"k".to_vec().into(),
        },
    };
    let response = setup.client.call(request).await.unwrap();

    // Then there is one, caused by the receipt
    assert_eq!(response.changes.len(), 1);
    let change = &response.changes[0];
    assert!(matches!(&change.value, StateChangeValueView::DataUpdate { value, .. } if value.to_vec() == b"one"));
    let cause = serde_json::to_value(&change.cause).unwrap();
    assert_eq!(cause["type"], "receipt_processing");
    assert_eq!(cause["receipt_hash"], receipt.id.to_string());

    // And the list of what a block touched names the account's data
    let request = methods::EXPERIMENTAL_changes_in_block::RpcStateChangesInBlockRequest {
        block_reference: BlockReference::BlockId(BlockId::Hash(receipt.block_hash)),
    };
    let touched = setup.client.call(request).await.unwrap();
    let touched = serde_json::to_value(touched.changes).unwrap();
    assert!(touched.as_array().unwrap().iter().any(|kind| kind["type"] == "data_touched"), "{touched}");
}

#[tokio::test]
async fn stake__should_be_shown_as_a_proposal() {
    // Given a validator that stakes more
    let setup = Setup::start().await;
    let root = setup.root.clone();
    let (stake, public_key) = (Balance::from_near(60_000_000), setup.localnet.root().public_key.clone());
    let stake = StakeAction { stake, public_key };
    let outcome = setup.send(&root, vec![Action::Stake(Box::new(stake.clone()))]).await;

    // When validators, and the block after, are asked for
    let request = methods::validators::RpcValidatorRequest { epoch_reference: EpochReference::Latest };
    let validators = setup.client.call(request).await.unwrap();
    let executed = setup.block(BlockReference::BlockId(BlockId::Hash(outcome.receipts_outcome[0].block_hash))).await;
    let next = BlockReference::BlockId(BlockId::Height(executed.header.height + 1));
    let header = setup.block(next).await;

    // Then all of them show it
    for proposals in
        [validators.current_proposals, header.header.validator_proposals, header.chunks[0].validator_proposals.clone()]
    {
        let proposed: Vec<_> = proposals.into_iter().map(ValidatorStakeView::into_validator_stake).collect();
        assert_eq!(proposed, [ValidatorStake::new(root.clone(), stake.public_key.clone(), stake.stake)]);
    }
}

#[tokio::test]
async fn node__should_tell_congestion_and_maintenance() {
    let setup = Setup::start().await;

    let (_, answer) = setup.raw("EXPERIMENTAL_congestion_level", json!({ "block_id": 0, "shard_id": 0 })).await;
    assert_eq!(answer["result"]["congestion_level"], json!(0.0), "{answer}");
    let (_, answer) = setup.raw("maintenance_windows", json!({ "account_id": setup.root })).await;
    assert_eq!(answer["result"], json!([]), "{answer}");
}

#[tokio::test]
async fn view_state_page__should_be_bounded_and_begin_within_its_prefix() {
    // Given entries of a kilobyte, a hundred of them
    let setup = Setup::with_contract().await;
    let entry = |index: u8| StateRecord::Data {
        account_id: setup.root.clone(),
        data_key: vec![b'k', index].into(),
        value: vec![0; 1_000].into(),
    };
    let records = (0..100).map(entry).collect();
    setup.client.call(methods::sandbox_patch_state::RpcSandboxPatchStateRequest { records }).await.unwrap();
    let view = |page: Value| {
        let mut view = json!({ "request_type": "view_state", "finality": "optimistic", "account_id": setup.root,
            "prefix_base64": to_base64(b"k") });
        view.as_object_mut().unwrap().extend(page.as_object().unwrap().clone());
        view
    };

    // When a page has no limit, or one above what a page may have, then it ends at some 50,000 bytes
    for page in [json!({ "limit": 1_000_000 }), json!({ "after_key_base64": to_base64(b"k") })] {
        let (_, answer) = setup.raw("query", view(page)).await;
        assert_eq!(answer["result"]["values"].as_array().unwrap().len(), 50, "{answer}");
        assert_eq!(answer["result"]["last_key"], json!(to_base64(&[b'k', 49])));
    }

    // And a page that begins outside of its prefix, or that wants a proof, is refused
    for page in [json!({ "after_key_base64": to_base64(b"a") }), json!({ "limit": 1, "include_proof": true })] {
        let (status, answer) = setup.raw("query", view(page)).await;
        assert_eq!((status, &answer["error"]["cause"]["name"]), (500, &json!("INTERNAL_ERROR")), "{answer}");
    }
}

#[tokio::test]
async fn whole_state__should_be_refused_beyond_fifty_thousand_bytes() {
    // Given an account with as much state as a node shows whole, and one byte more
    let setup = Setup::start().await;
    let view = json!({ "request_type": "view_state", "finality": "optimistic", "account_id": setup.root,
        "prefix_base64": "" });
    for (storage_usage, name) in [(50_000, Value::Null), (50_001, "TOO_LARGE_CONTRACT_STATE".into())] {
        let account = json!({ "amount": "1000000000000000000000000000", "locked": "0", "version": "V1",
            "code_hash": "11111111111111111111111111111111", "storage_usage": storage_usage });
        let record = json!({ "Account": { "account_id": setup.root, "account": account } });
        let (_, patched) = setup.raw("sandbox_patch_state", json!({ "records": [record] })).await;
        assert!(patched["error"].is_null(), "{patched}");
        setup.produce(1).await;

        // When all of it is asked for, then the larger one is refused
        let (status, answer) = setup.raw("query", view.clone()).await;
        assert_eq!((status, &answer["error"]["cause"]["name"]), (200, &name), "{answer}");
    }
}

#[tokio::test]
async fn access_keys__should_be_listed_a_hundred_at_a_time() {
    // Given an account with a hundred keys
    let setup = Setup::start().await;
    let add = |seed: u8| {
        let public_key = SecretKey::from_seed(KeyType::ED25519, &format!("key {seed}")).public_key();
        Action::AddKey(Box::new(AddKeyAction { public_key, access_key: AccessKey::full_access() }))
    };
    setup.send(&setup.root.clone(), (0..99).map(add).collect()).await;
    let view = |limit: Value| {
        let mut view = json!({ "request_type": "view_access_key_list", "finality": "optimistic",
            "account_id": setup.root });
        if !limit.is_null() {
            view["limit"] = limit;
        }
        view
    };
    let keys = |answer: &Value| answer["result"]["keys"].as_array().unwrap().len();
    assert_eq!(keys(&setup.raw("query", view(Value::Null)).await.1), 100);

    // When it gets one more, then they come in pages only
    setup.send(&setup.root.clone(), vec![add(99)]).await;
    let (_, answer) = setup.raw("query", view(Value::Null)).await;
    let cause = &answer["error"]["cause"];
    assert_eq!((&cause["name"], &cause["info"]["limit"]), (&json!("TOO_MANY_ACCESS_KEYS"), &json!(100)));
    let (_, answer) = setup.raw("query", view(json!(1_000))).await;
    assert_eq!(keys(&answer), 100);
    assert!(answer["result"]["last_key"].is_string(), "{answer}");
}

#[tokio::test]
async fn validators__should_be_asked_by_the_last_block_of_an_epoch() {
    // Given two epochs and a bit
    let setup = Setup::paused().await;
    let length = setup.localnet.node().chain.genesis.config.epoch_length;
    let head = setup.produce(2 * length + 5).await;

    // Then the last block of one stands for it
    let (_, answer) = setup.raw("validators", json!({ "block_id": length - 1 })).await;
    assert_eq!(answer["result"]["epoch_start_height"], 0, "{answer}");

    // And no other block does, least of all the head
    for (height, name) in [(length, "VALIDATOR_INFO_UNAVAILABLE"), (head, "UNKNOWN_EPOCH"), (9_999, "UNKNOWN_EPOCH")] {
        let (_, answer) = setup.raw("validators", json!([height])).await;
        assert_eq!(answer["error"]["cause"]["name"], name, "{height}");
    }
    let (_, answer) = setup.raw("EXPERIMENTAL_validators_ordered", json!([9_999])).await;
    assert_eq!(answer["error"]["cause"]["name"], "UNKNOWN_EPOCH");
}
