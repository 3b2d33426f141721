use near_jsonrpc_client::methods;
use near_primitives::{
    hash::CryptoHash,
    merkle::{compute_root_from_path, verify_hash},
    types::TransactionOrReceiptId,
};

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
