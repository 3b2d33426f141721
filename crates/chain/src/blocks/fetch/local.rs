//! Receipts that a node does not store.
//!
//! When a contract's account signs a transaction to itself (deploy and `new` in one batch, usually), nearcore applies
//! the receipt in the same chunk and keeps only its outcome. Its contents are then those of the transaction, which is
//! found among the transactions of the block's chunks.

use super::{Contents, Fetcher, function_calls};
use crate::blocks::BlockSourceError;
use crate::{AccountId, CryptoHash};
use near_jsonrpc_client::methods;
use near_jsonrpc_primitives::types::chunks::{ChunkReference, RpcChunkRequest};
use near_jsonrpc_primitives::types::transactions::TransactionInfo;
use near_primitives::views::{BlockView, SignedTransactionView, TxExecutionStatus};

/// The contents of a receipt the node does not store, from the transaction that made it; `None` if no transaction of
/// the block did.
pub(super) async fn contents(
    fetcher: &Fetcher,
    view: &BlockView,
    receipt_id: CryptoHash,
) -> Result<Option<Contents>, BlockSourceError> {
    let contract = &fetcher.config.contract;
    let height = view.header.height;
    for chunk in view.chunks.iter().filter(|chunk| chunk.height_included == height) {
        let (chunk_id, what) = (chunk.chunk_hash, format!("chunk {}", chunk.chunk_hash));
        let request = || RpcChunkRequest { chunk_reference: ChunkReference::ChunkHash { chunk_id } };
        let own = fetcher.patiently(view.header.hash, what, request).await?.transactions.into_iter();
        for transaction in own.filter(|tx| tx.signer_id == *contract && tx.receiver_id == *contract) {
            if first_receipts(fetcher, view, &transaction).await?.contains(&receipt_id) {
                return Ok(Some(Contents {
                    predecessor_id: contract.clone(),
                    signer_id: contract.clone(),
                    tx_hash: Some(transaction.hash),
                    calls: function_calls(transaction.actions),
                }));
            }
        }
    }
    Ok(None)
}

/// The receipts a transaction was turned into.
async fn first_receipts(
    fetcher: &Fetcher,
    view: &BlockView,
    transaction: &SignedTransactionView,
) -> Result<Vec<CryptoHash>, BlockSourceError> {
    let mut tries = fetcher.tries(view.header.hash, format!("transaction {}", transaction.hash));
    loop {
        let sender_account_id: AccountId = transaction.signer_id.clone();
        let transaction_info = TransactionInfo::TransactionId { tx_hash: transaction.hash, sender_account_id };
        let wait_until = TxExecutionStatus::Included;
        match fetcher.impatient.call(methods::tx::RpcTransactionStatusRequest { transaction_info, wait_until }).await {
            Ok(answer) => {
                let outcome = answer.final_execution_outcome.map(|outcome| outcome.into_outcome());
                match outcome {
                    Some(outcome) => return Ok(outcome.transaction_outcome.outcome.receipt_ids),
                    None => tries.again(fetcher.rpc.endpoint(), "it has no outcome yet").await?,
                }
            }
            Err(error) => tries.after(error).await?,
        }
    }
}
