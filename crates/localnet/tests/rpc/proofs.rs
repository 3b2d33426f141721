use near_jsonrpc_client::methods;
use near_primitives::{
    block_header::{Approval, ApprovalInner},
    hash::CryptoHash,
    merkle::{combine_hash, compute_root_from_path, verify_hash},
    types::{BlockId, BlockReference, TransactionOrReceiptId, validator_stake::ValidatorStake},
    views::{LightClientBlockLiteView, LightClientBlockView},
};
use serde_json::json;

use crate::setup::*;

#[tokio::test]
async fn light_client_proof__should_lead_from_the_outcome_to_the_head() {
    // Given a receipt that ran a while ago
    let setup = Setup::with_contract().await;
    let outcome = setup.send(&setup.root.clone(), vec![call("set", b"x")]).await;
    setup.send(&setup.root.clone(), vec![call("set", b"y")]).await;
    let head = setup.head().await.header;

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
