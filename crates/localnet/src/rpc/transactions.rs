//! Sending transactions, waiting for them, and looking at receipts (nearcore `chain/jsonrpc/src/lib.rs`).

use std::sync::Arc;

use near_jsonrpc_primitives::types::{
    receipts::{RpcReceiptError, RpcReceiptRequest, RpcReceiptResponse},
    transactions::{
        RpcSendTransactionRequest, RpcTransactionError, RpcTransactionResponse, RpcTransactionStatusRequest,
        TimeoutErrorCause,
    },
};
use near_primitives::{
    hash::CryptoHash,
    transaction::SignedTransaction,
    views::{FinalExecutionOutcomeViewEnum, TxExecutionStatus},
};

use crate::node::Node;

/// `send_tx`: queues a transaction and waits for the level asked for.
pub async fn send(
    node: &Arc<Node>,
    request: RpcSendTransactionRequest,
) -> Result<RpcTransactionResponse, RpcTransactionError> {
    let RpcSendTransactionRequest { signed_transaction, wait_until } = request;
    if wait_until == TxExecutionStatus::None {
        send_async(node, signed_transaction).await;
        return Ok(RpcTransactionResponse { final_execution_outcome: None, final_execution_status: wait_until });
    }
    let hash = node
        .submit(signed_transaction.clone())
        .await
        .map_err(|context| RpcTransactionError::InvalidTransaction { context })?;
    wait(node, hash, Some(&signed_transaction), wait_until, false).await
}

/// `broadcast_tx_commit`: `send_tx` up to execution.
pub async fn commit(
    node: &Arc<Node>,
    request: RpcSendTransactionRequest,
) -> Result<RpcTransactionResponse, RpcTransactionError> {
    send(node, RpcSendTransactionRequest { wait_until: TxExecutionStatus::ExecutedOptimistic, ..request }).await
}

/// `broadcast_tx_async`: the hash at once, whatever becomes of the transaction.
pub async fn send_async(node: &Node, transaction: SignedTransaction) -> CryptoHash {
    let hash = transaction.get_hash();
    if let Err(error) = node.submit(transaction).await {
        tracing::debug!(tx_hash = %hash, %error, "transaction rejected");
    }
    hash
}

/// `tx` and `EXPERIMENTAL_tx_status`.
pub async fn status(
    node: &Arc<Node>,
    request: RpcTransactionStatusRequest,
    with_receipts: bool,
) -> Result<RpcTransactionResponse, RpcTransactionError> {
    let (hash, _) = request.transaction_info.to_tx_hash_and_account();
    let tx = request.transaction_info.to_signed_tx();
    if request.wait_until != TxExecutionStatus::None {
        return wait(node, hash, tx, request.wait_until, with_receipts).await;
    }
    match current(node, &hash, with_receipts) {
        Some(response) => Ok(response),
        None => {
            check(node, &hash, tx)?;
            Err(RpcTransactionError::UnknownTransaction { requested_transaction_hash: hash })
        }
    }
}

/// `EXPERIMENTAL_receipt`.
pub fn receipt(node: &Node, request: RpcReceiptRequest) -> Result<RpcReceiptResponse, RpcReceiptError> {
    let receipt_id = request.receipt_reference.receipt_id;
    let history = node.chain.history();
    let receipt = history.receipt(&receipt_id).ok_or(RpcReceiptError::UnknownReceipt { receipt_id })?;
    Ok(RpcReceiptResponse { receipt_view: (*receipt).clone().into() })
}

/// Waits for a level. A transaction given whole is refused as soon as it can come into no block; by its hash alone it
/// is only waited for.
async fn wait(
    node: &Arc<Node>,
    hash: CryptoHash,
    tx: Option<&SignedTransaction>,
    level: TxExecutionStatus,
    with_receipts: bool,
) -> Result<RpcTransactionResponse, RpcTransactionError> {
    let mut head = node.head.clone();
    let reached = tokio::time::timeout(node.rules.wait_limit, async {
        loop {
            head.mark_unchanged();
            match current(node, &hash, with_receipts) {
                Some(response) if reaches(&response.final_execution_status, &level) => return Ok(response),
                Some(_) => {}
                None => check(node, &hash, tx)?,
            }
            if head.changed().await.is_err() {
                let debug_info = "the block producer has stopped".to_owned();
                return Err(RpcTransactionError::InternalError { debug_info });
            }
        }
    })
    .await;
    match reached {
        Ok(result) => result,
        Err(_) => Err(RpcTransactionError::TimeoutError(Some(match current(node, &hash, with_receipts) {
            Some(status) => TimeoutErrorCause::Pending { status: Box::new(status) },
            None => TimeoutErrorCause::NotObserved,
        }))),
    }
}

/// Whether a transaction that is in no block could still come into one.
fn check(node: &Node, hash: &CryptoHash, tx: Option<&SignedTransaction>) -> Result<(), RpcTransactionError> {
    match tx.filter(|_| !node.chain.is_pending(hash)).map(|tx| node.chain.validate(tx.clone())) {
        Some(Err(context)) => Err(RpcTransactionError::InvalidTransaction { context }),
        _ => Ok(()),
    }
}

fn current(node: &Node, hash: &CryptoHash, with_receipts: bool) -> Option<RpcTransactionResponse> {
    let history = node.chain.history();
    let status = history.transaction_status(hash)?;
    let outcome = if with_receipts {
        FinalExecutionOutcomeViewEnum::FinalExecutionOutcomeWithReceipt(history.with_receipts(status.outcome))
    } else {
        FinalExecutionOutcomeViewEnum::FinalExecutionOutcome(status.outcome)
    };
    Some(RpcTransactionResponse { final_execution_outcome: Some(outcome), final_execution_status: status.level })
}

/// Whether a transaction at level `now` satisfies a wait for `wanted`. The levels are not one line: execution
/// and inclusion in a final block may come in either order.
fn reaches(now: &TxExecutionStatus, wanted: &TxExecutionStatus) -> bool {
    use TxExecutionStatus::{Executed, ExecutedOptimistic, Final, Included, IncludedFinal, None};
    match wanted {
        None => true,
        Included => *now != None,
        ExecutedOptimistic => matches!(now, ExecutedOptimistic | Executed | Final),
        IncludedFinal => matches!(now, IncludedFinal | Executed | Final),
        Executed => matches!(now, Executed | Final),
        Final => *now == Final,
    }
}
