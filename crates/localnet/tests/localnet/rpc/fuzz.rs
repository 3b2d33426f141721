//! Requests made up at random: whatever they say, the node answers and goes on.
//!
//! The same requests in every run, unless `PIECEWORK_SOAK` is set; `PROPTEST_CASES` says how many.

use std::{cell::Cell, time::Duration};

use near_primitives::serialize::to_base64;
use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Map, Value, json};

use crate::rpc::setup::*;

const METHODS: [&str; 32] = [
    "block",
    "chunk",
    "gas_price",
    "query",
    "send_tx",
    "broadcast_tx_commit",
    "broadcast_tx_async",
    "tx",
    "EXPERIMENTAL_tx_status",
    "EXPERIMENTAL_receipt",
    "changes",
    "EXPERIMENTAL_changes",
    "block_effects",
    "EXPERIMENTAL_changes_in_block",
    "light_client_proof",
    "EXPERIMENTAL_light_client_proof",
    "EXPERIMENTAL_light_client_block_proof",
    "status",
    "health",
    "network_info",
    "validators",
    "EXPERIMENTAL_validators_ordered",
    "genesis_config",
    "EXPERIMENTAL_genesis_config",
    "EXPERIMENTAL_protocol_config",
    "sandbox_patch_state",
    "sandbox_fast_forward",
    "next_light_client_block",
    "EXPERIMENTAL_congestion_level",
    "maintenance_windows",
    "",
    "no_such_method",
];

/// Fields of all requests, so that made-up objects come near to real ones.
const FIELDS: [&str; 30] = [
    "block_id",
    "finality",
    "sync_checkpoint",
    "shard_id",
    "chunk_id",
    "request_type",
    "account_id",
    "method_name",
    "args_base64",
    "prefix_base64",
    "include_proof",
    "public_key",
    "signed_tx_base64",
    "wait_until",
    "tx_hash",
    "sender_account_id",
    "receipt_id",
    "changes_type",
    "account_ids",
    "keys",
    "key_prefix_base64",
    "type",
    "transaction_hash",
    "sender_id",
    "receiver_id",
    "light_client_head",
    "epoch_id",
    "limit",
    "after_key",
    "delta_height",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "test.near",
            "near",
            "nobody.near",
            "final",
            "optimistic",
            "near-final",
            "genesis",
            "view_account",
            "view_state",
            "view_code",
            "view_access_key",
            "view_access_key_list",
            "view_gas_key_nonces",
            "call_function",
            "NONE",
            "INCLUDED",
            "get",
            "set",
            "AAAA",
            "a2V5",
            "transaction",
            "receipt",
            "account_changes",
            "data_changes",
            "all_access_key_changes",
            "contract_code_changes",
            "11111111111111111111111111111111",
            "ed25519:11111111111111111111111111111111",
            "340282366920938463463374607431768211455",
            "latest",
            "",
        ])
        .prop_map(str::to_owned),
        "[a-z0-9._-]{1,70}",
        ".{0,20}",
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..100_u64).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        select(vec![0, 1, u64::MAX, u64::MAX - 1, 1 << 63]).prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number(), text().prop_map(Value::from)];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((select(FIELDS.to_vec()), inner), 0..6).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
            }),
        ]
    })
}

/// A request that is right but for one field.
fn nearly_right() -> impl Strategy<Value = (String, Value)> {
    let requests = vec![
        ("block", json!({ "block_id": 1 })),
        ("chunk", json!({ "block_id": 1, "shard_id": 0 })),
        ("query", json!({ "request_type": "view_account", "finality": "final", "account_id": "test.near" })),
        (
            "query",
            json!({ "request_type": "view_state", "finality": "final", "account_id": "test.near", "prefix_base64": "",
                "include_proof": true, "limit": 2, "after_key": "a2V5" }),
        ),
        (
            "query",
            json!({ "request_type": "call_function", "block_id": 1, "account_id": "test.near", "method_name": "get",
                "args_base64": "" }),
        ),
        (
            "query",
            json!({ "request_type": "view_access_key_list", "finality": "final", "account_id": "test.near", "limit": 1 }),
        ),
        (
            "tx",
            json!({ "tx_hash": "11111111111111111111111111111111", "sender_account_id": "near", "wait_until": "NONE" }),
        ),
        (
            "changes",
            json!({ "changes_type": "data_changes", "block_id": 1, "account_ids": ["test.near"],
                "key_prefix_base64": "" }),
        ),
        (
            "light_client_proof",
            json!({ "type": "transaction", "transaction_hash": "11111111111111111111111111111111",
                "sender_id": "near", "light_client_head": "11111111111111111111111111111111" }),
        ),
        ("sandbox_fast_forward", json!({ "delta_height": 5 })),
        (
            "sandbox_patch_state",
            json!({ "records": [{ "Data": { "account_id": "near", "data_key": "a2V5", "value": "a2V5" } }] }),
        ),
        (
            "sandbox_patch_state",
            json!({ "records": [{ "Account": { "account_id": "patched.near", "account": { "amount": "1", "locked": "0",
                "storage_usage": 100, "code_hash": "11111111111111111111111111111111" } } }] }),
        ),
    ];
    (select(requests), any::<Index>(), value()).prop_map(|((method, mut params), field, wrong)| {
        if let Some(fields) = params.as_object_mut() {
            let names: Vec<_> = fields.keys().cloned().collect();
            fields.insert(field.get(&names).clone(), wrong);
        }
        (method.to_owned(), params)
    })
}

/// A signed transaction with a few bytes changed.
fn broken_transaction(bytes: Vec<u8>) -> impl Strategy<Value = (String, Value)> {
    let changes = proptest::collection::vec((any::<Index>(), any::<u8>()), 0..6);
    (changes, any::<Index>(), any::<bool>()).prop_map(move |(changes, end, cut)| {
        let mut bytes = bytes.clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] ^= byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        ("broadcast_tx_async".to_owned(), json!([to_base64(&bytes)]))
    })
}

#[test]
fn requests__should_all_be_answered() {
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let setup = tokio.block_on(Setup::with_contract());
    let signed = tokio.block_on(setup.sign(&setup.root, vec![transfer(1), call("set", b"x")]));
    let signed = borsh::to_vec(&signed).unwrap();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).build().unwrap();
    let request = prop_oneof![
        3 => (select(METHODS.to_vec()).prop_map(str::to_owned), value()),
        3 => nearly_right(),
        2 => broken_transaction(signed),
    ];
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400);
    let config = Cases { cases, failure_persistence: None, max_shrink_iters: 200, ..Cases::default() };
    let mut runner = if std::env::var_os("PIECEWORK_SOAK").is_some() {
        TestRunner::new(config)
    } else {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    };

    let (asked, answered) = (Cell::new(0), Cell::new(0));
    let outcome = runner.run(&request, |(method, params)| {
        asked.set(asked.get() + 1);
        // When something is asked
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = tokio.block_on(async {
            let response = client.post(setup.localnet.rpc_url()).json(&body).send().await?;
            let status = response.status().as_u16();
            Ok::<_, reqwest::Error>((status, response.json::<Value>().await?))
        });

        // Then there is an answer of one of nearcore's kinds, or the node waits for a transaction that never comes
        match answer {
            Ok((status, answer)) => {
                answered.set(answered.get() + u32::from(answer.get("result").is_some()));
                prop_assert!([200, 400, 408, 422, 500].contains(&status), "{status} {answer}");
                prop_assert!(answer.get("result").is_some() != answer.get("error").is_some(), "{answer}");
            }
            Err(error) => {
                let waits = ["tx", "EXPERIMENTAL_tx_status", "send_tx", "broadcast_tx_commit"];
                prop_assert!(error.is_timeout() && waits.contains(&method.as_str()), "{method}: {error}");
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }

    // Enough of them must have meant something: about a sixth does
    assert!(answered.get() * 10 > asked.get(), "{} of {}", answered.get(), asked.get());

    // And afterwards the chain still works
    tokio.block_on(setup.send(&setup.root.clone(), vec![transfer(1)]));
}
