use near_jsonrpc_client::methods;
use near_primitives::{
    block_header::{Approval, ApprovalInner},
    hash::CryptoHash,
    merkle::{combine_hash, compute_root_from_path, verify_hash},
    types::{BlockId, BlockReference, Finality, TransactionOrReceiptId, validator_stake::ValidatorStake},
    views::{LightClientBlockLiteView, LightClientBlockView},
};
use serde_json::{Value, json};

use crate::rpc::setup::*;

#[tokio::test]
async fn light_client_proof__should_lead_from_the_outcome_to_the_head() {
    // Given a receipt that ran a while ago
    let setup = Setup::with_contract().await;
    let outcome = setup.send(&setup.root.clone(), vec![call("set", b"x")]).await;
    setup.send(&setup.root.clone(), vec![call("set", b"y")]).await;
    let head = setup.block(BlockReference::Finality(Finality::Final)).await.header;

    for (id, executed) in [
        (
            TransactionOrReceiptId::Receipt {
                receipt_id: outcome.receipts_outcome[0].id,
                receiver_id: setup.root.clone(),
            },
            &outcome.receipts_outcome[0],
        ),
        (
            TransactionOrReceiptId::Transaction {
                transaction_hash: outcome.transaction_outcome.id,
                sender_id: setup.root.clone(),
            },
            &outcome.transaction_outcome,
        ),
    ] {
        // When its proof is asked for
        let request =
            methods::light_client_proof::RpcLightClientExecutionProofRequest { id, light_client_head: head.hash };
        let proof = setup.client.call(request).await.unwrap();

        // Then the outcome leads to the root in a later header
        assert_eq!(proof.outcome_proof.outcome, executed.outcome);
        let leaf = CryptoHash::hash_borsh(executed.to_hashes());
        let chunk_root = compute_root_from_path(&proof.outcome_proof.proof, leaf);
        let root = compute_root_from_path(&proof.outcome_root_proof, CryptoHash::hash_borsh(chunk_root));
        assert_eq!(root, proof.block_header_lite.inner_lite.outcome_root);

        // And that header leads to the head
        assert!(verify_hash(head.block_merkle_root, &proof.block_proof, proof.block_header_lite.hash()));
        assert_eq!(proof.outcome_proof.block_hash, proof.block_header_lite.hash());
    }
}

/// The error a proof under this head is refused with.
async fn refusal(setup: &Setup, method: &str, mut request: Value, head: CryptoHash) -> (u16, Value) {
    request["light_client_head"] = json!(head);
    let (status, answer) = setup.raw(method, request).await;
    (status, answer["error"].clone())
}

fn not_on_current_chain(hash: CryptoHash) -> Value {
    let error_message = format!("{hash} not on current chain");
    json!({
        "name": "INTERNAL_ERROR",
        "cause": { "name": "INTERNAL_ERROR", "info": { "error_message": error_message } },
        "code": -32000,
        "message": "Server error",
        "data": format!("Internal error: {error_message}"),
    })
}

#[tokio::test]
async fn light_client_proof__should_be_refused_under_a_head_that_is_not_final() {
    // Given an outcome in a final block, and the two blocks after the newest final one
    let setup = Setup::paused().await;
    setup.produce(1).await;
    let signed_transaction = setup.sign(&setup.root, vec![transfer(1)]).await;
    let transaction_hash = signed_transaction.get_hash();
    let request = methods::broadcast_tx_async::RpcBroadcastTxAsyncRequest { signed_transaction };
    setup.client.call(request).await.unwrap();
    setup.produce(1).await;
    let executed_in = setup.head().await.header.hash;
    setup.produce(4).await;
    let head = setup.head().await.header;
    let parent = setup.block(BlockReference::BlockId(BlockId::Hash(head.prev_hash))).await.header;
    let outcome = json!({ "type": "transaction", "transaction_hash": transaction_hash, "sender_id": setup.root });
    let block = json!({ "block_hash": executed_in });

    for (method, request) in [("light_client_proof", &outcome), ("EXPERIMENTAL_light_client_block_proof", &block)] {
        // When they are the light client's head, then only the one that is final will do
        for newest in [head.hash, parent.hash] {
            let (status, error) = refusal(&setup, method, request.clone(), newest).await;
            assert_eq!((status, error), (500, not_on_current_chain(newest)), "{method}");
        }
        let (status, error) = refusal(&setup, method, request.clone(), head.last_final_block).await;
        assert_eq!((status, error), (200, Value::Null), "{method}");
    }
}

#[tokio::test]
async fn light_client_proof__should_be_refused_for_a_block_that_is_not_final() {
    // Given an outcome whose root is in the newest block, and one whose root is in none yet
    let setup = Setup::paused().await;
    setup.produce(3).await;
    let transaction = async |receiver_id: &str| {
        let signed_transaction = setup.sign(&receiver_id.parse().unwrap(), vec![transfer(1)]).await;
        let hash = signed_transaction.get_hash();
        let request = methods::broadcast_tx_async::RpcBroadcastTxAsyncRequest { signed_transaction };
        setup.client.call(request).await.unwrap();
        setup.produce(1).await;
        json!({ "type": "transaction", "transaction_hash": hash, "sender_id": setup.root })
    };
    let first = transaction("near").await;
    let second = transaction("near").await;
    let head = setup.head().await.header;

    // When proofs under the newest final head are asked for
    let (_, error) = refusal(&setup, "light_client_proof", first, head.last_final_block).await;
    let (_, missing) = refusal(&setup, "light_client_proof", second.clone(), head.last_final_block).await;

    // Then the block that has the root is not final, or there is none
    assert_eq!(error, not_on_current_chain(head.hash));
    assert_eq!(missing["cause"]["name"], "NOT_CONFIRMED", "{missing}");
    let block = json!({ "block_hash": head.hash });
    let method = "EXPERIMENTAL_light_client_block_proof";
    assert_eq!(refusal(&setup, method, block, head.last_final_block).await.1, not_on_current_chain(head.hash));

    // And a height left out delays finality by what it takes to have two in a row again
    setup.raw("sandbox_skip_heights", json!({ "count": 1 })).await;
    setup.produce(1).await;
    let later = setup.head().await.header;
    assert_eq!(refusal(&setup, "light_client_proof", second, later.last_final_block).await.0, 500);
    assert!(later.last_final_block == head.last_final_block);
}

#[tokio::test]
async fn light_client_proof__should_be_refused_before_anything_is_final() {
    // Given a chain of one block
    let setup = Setup::paused().await;
    setup.produce(1).await;
    let head = setup.head().await.header;

    // When its parent is to be proven
    let block = json!({ "block_hash": head.prev_hash });
    let (_, error) = refusal(&setup, "EXPERIMENTAL_light_client_block_proof", block, head.prev_hash).await;

    // Then the block that its header names as final is unknown, as it is to light clients
    assert_eq!(error["cause"]["name"], "UNKNOWN_BLOCK");
    assert_eq!(error["data"], format!("DB Not Found Error: BLOCK HEADER: {}", CryptoHash::default()));
    let (_, answer) = setup.raw("next_light_client_block", json!([head.prev_hash])).await;
    assert_eq!(answer["error"]["cause"]["name"], "UNKNOWN_BLOCK", "{answer}");
}

/// The block a light client gets after the one it knows.
async fn next_light_client_block(setup: &Setup, last_block_hash: CryptoHash) -> Option<LightClientBlockView> {
    let (status, answer) = setup.raw("next_light_client_block", json!({ "last_block_hash": last_block_hash })).await;
    assert_eq!(status, 200, "{answer}");
    serde_json::from_value(answer["result"].clone()).ok()
}

#[tokio::test]
async fn light_client__should_follow_the_chain_from_epoch_to_epoch() {
    // Given a chain some epochs long, of which a light client knows the first block
    let setup = Setup::start().await;
    let length = setup.localnet.node().chain.genesis.config.epoch_length;
    setup.raw("sandbox_produce_blocks", json!({ "count": length * 3 })).await;
    let first = setup.block(BlockReference::BlockId(BlockId::Height(1))).await.header;
    let mut known = (first.hash, first.height, first.epoch_id, first.next_epoch_id);
    let mut epochs = vec![known.2];

    // When it asks for one block after the other
    while let Some(block) = next_light_client_block(&setup, known.0).await {
        // Then each is of the same epoch or the next one, and later
        let inner = &block.inner_lite;
        assert!([known.2, known.3].contains(&inner.epoch_id) && inner.height > known.1);
        let lite = LightClientBlockLiteView {
            prev_block_hash: block.prev_block_hash,
            inner_rest_hash: block.inner_rest_hash,
            inner_lite: inner.clone(),
        };

        // And the validator approved of the block after it
        let next = combine_hash(&block.next_block_inner_hash, &lite.hash());
        let approved = Approval::get_data_for_sig(&ApprovalInner::Endorsement(next), inner.height + 2);
        let signature = block.approvals_after_next[0].as_ref().unwrap();
        assert!(signature.verify(&approved, &setup.localnet.root().public_key));

        // And it commits to the validators of the next epoch
        let validators = block.next_bps.unwrap().into_iter().map(ValidatorStake::from).collect::<Vec<_>>();
        assert_eq!(CryptoHash::hash_borsh(&validators), inner.next_bp_hash);
        known = (lite.hash(), inner.height, inner.epoch_id, inner.next_epoch_id);
        epochs.push(known.2);
    }

    // And it ends with the newest final block, or before the epoch when that has just begun
    assert!(setup.head().await.header.height - known.1 <= 6);
    epochs.dedup();
    assert!(epochs.len() >= 3, "{epochs:?}");
}

#[tokio::test]
async fn header__should_be_signed_and_approve_of_its_parent() {
    // Given a block after its parent, and one after a height left out
    let setup = Setup::start().await;
    let key = &setup.localnet.root().public_key;
    let made = async |method: &str| {
        let (_, answer) = setup.raw(method, json!({ "count": 3 })).await;
        let height = answer["result"]["block_height"].as_u64().unwrap();
        setup.block(BlockReference::BlockId(BlockId::Height(height))).await.header
    };
    let follows = made("sandbox_produce_blocks").await;
    let after_gap = made("sandbox_skip_heights").await;

    for (header, inner) in [
        (&follows, ApprovalInner::Endorsement(follows.prev_hash)),
        (&after_gap, ApprovalInner::Skip(after_gap.prev_height.unwrap())),
    ] {
        // Then the validator signed both, and what it approved of
        assert!(header.signature.verify(header.hash.as_bytes(), key));
        let approved = Approval::get_data_for_sig(&inner, header.height);
        assert!(header.approvals[0].as_ref().unwrap().verify(&approved, key), "{inner:?}");
    }
}
