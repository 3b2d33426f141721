//! Sending transactions, waiting for them, and looking at receipts.

use std::{sync::Arc, time::Duration};

use near_jsonrpc_primitives::types::{
    receipts::{RpcReceiptError, RpcReceiptRequest, RpcReceiptResponse},
    transactions::{
        RpcSendTransactionRequest, RpcTransactionError, RpcTransactionResponse, RpcTransactionStatusRequest,
        TimeoutErrorCause,
    },
};
use near_primitives::{
    hash::CryptoHash,
    views::{FinalExecutionOutcomeViewEnum, TxExecutionStatus},
};

use crate::node::Node;

/// How long a call waits for its transaction, as nearcore's default configuration does.
const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// `send_tx`: queues a transaction and waits for the level asked for.
pub async fn send(
    node: &Arc<Node>,
    request: RpcSendTransactionRequest,
) -> Result<RpcTransactionResponse, RpcTransactionError> {
    let RpcSendTransactionRequest { signed_transaction, wait_until } = request;
    if wait_until == TxExecutionStatus::None {
        let hash = signed_transaction.get_hash();
        if let Err(error) = node.submit(signed_transaction).await {
            tracing::debug!(tx_hash = %hash, %error, "transaction rejected");
        }
        return Ok(RpcTransactionResponse { final_execution_outcome: None, final_execution_status: wait_until });
    }
    let hash =
        node.submit(signed_transaction).await.map_err(|context| RpcTransactionError::InvalidTransaction { context })?;
    wait(node, hash, wait_until, false).await
}

/// `broadcast_tx_commit`: `send_tx` up to execution.
pub async fn commit(
    node: &Arc<Node>,
    request: RpcSendTransactionRequest,
) -> Result<RpcTransactionResponse, RpcTransactionError> {
    send(node, RpcSendTransactionRequest { wait_until: TxExecutionStatus::ExecutedOptimistic, ..request }).await
}

/// `broadcast_tx_async`: the hash at once, whatever becomes of the transaction.
pub async fn send_async(node: &Node, request: RpcSendTransactionRequest) -> CryptoHash {
    let hash = request.signed_transaction.get_hash();
    if let Err(error) = node.submit(request.signed_transaction).await {
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
    // Whoever asks with the whole transaction hears at once that it cannot come.
    let invalid = request.transaction_info.to_signed_tx().and_then(|tx| node.chain.validate(tx.clone()).err());
    if let Some(context) = invalid
        && current(node, &hash, with_receipts).is_none()
    {
        return Err(RpcTransactionError::InvalidTransaction { context });
    }
    if request.wait_until == TxExecutionStatus::None {
        return current(node, &hash, with_receipts)
            .ok_or(RpcTransactionError::UnknownTransaction { requested_transaction_hash: hash });
    }
    wait(node, hash, request.wait_until, with_receipts).await
}

/// `EXPERIMENTAL_receipt`.
pub fn receipt(node: &Node, request: RpcReceiptRequest) -> Result<RpcReceiptResponse, RpcReceiptError> {
    let receipt_id = request.receipt_reference.receipt_id;
    let history = node.chain.history();
    let receipt = history.receipt(&receipt_id).ok_or(RpcReceiptError::UnknownReceipt { receipt_id })?;
    Ok(RpcReceiptResponse { receipt_view: (*receipt).clone().into() })
}

async fn wait(
    node: &Arc<Node>,
    hash: CryptoHash,
    level: TxExecutionStatus,
    with_receipts: bool,
) -> Result<RpcTransactionResponse, RpcTransactionError> {
    let mut head = node.head.clone();
    let reached = tokio::time::timeout(WAIT_LIMIT, async {
        loop {
            head.mark_unchanged();
            match current(node, &hash, with_receipts) {
                Some(response) if reaches(&response.final_execution_status, &level) => return Ok(response),
                Some(_) => {}
                // A copy of a transaction that is in a block may have been rejected; that does not count.
                None => {
                    if let Some(context) = node.chain.rejection(&hash) {
                        return Err(RpcTransactionError::InvalidTransaction { context });
                    }
                }
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
