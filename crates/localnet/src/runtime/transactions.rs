//! Turning a transaction into its receipt (nearcore `lib.rs`, `process_transactions`).

use near_primitives::{
    errors::{InvalidTxError, TxExecutionError},
    receipt::Receipt,
    transaction::{ExecutionMetadata, ExecutionOutcome, ExecutionOutcomeWithId, ExecutionStatus, ValidatedTransaction},
    types::{Balance, Gas, StateChangeCause},
    utils::create_receipt_id_from_transaction,
};

use super::{BlockContext, Runtime, RuntimeError};
use crate::state::StateUpdate;

/// What became of a transaction.
pub struct Converted {
    /// Its outcome.
    pub outcome: ExecutionOutcomeWithId,
    /// The receipt it became; `None` if it turned out invalid.
    pub receipt: Option<Receipt>,
    /// Compute used.
    pub compute: u64,
}

impl Runtime {
    /// Charges the signer and creates the receipt. An invalid transaction only leaves a failed outcome.
    pub(super) fn convert_transaction(
        &self,
        state: &mut StateUpdate,
        block: &BlockContext,
        tx: &ValidatedTransaction,
    ) -> Result<Converted, RuntimeError> {
        let transaction = tx.to_tx();
        let charged = match self.charge_transaction(state, transaction, block.gas_price, Some(block.height)) {
            Ok(charged) => charged,
            Err(error) => return Ok(rejected(tx, error)),
        };
        charged.write(state, transaction)?;
        state.commit(StateChangeCause::TransactionProcessing { tx_hash: tx.get_hash() });

        let receipt_id = create_receipt_id_from_transaction(&tx.get_hash(), block.height);
        let receipt = Receipt::from_tx(
            receipt_id,
            transaction.signer_id().clone(),
            transaction.receiver_id().clone(),
            transaction.public_key().clone(),
            charged.cost.receipt_gas_price,
            transaction.actions().to_vec(),
        );
        let outcome = ExecutionOutcome {
            logs: Vec::new(),
            receipt_ids: vec![receipt_id],
            gas_burnt: charged.cost.gas_burnt,
            compute_usage: Some(charged.cost.compute_burnt),
            tokens_burnt: charged.cost.burnt_amount,
            executor_id: transaction.signer_id().clone(),
            status: ExecutionStatus::SuccessReceiptId(receipt_id),
            metadata: ExecutionMetadata::V1,
        };
        Ok(Converted {
            outcome: ExecutionOutcomeWithId { id: tx.get_hash(), outcome },
            receipt: Some(receipt),
            compute: charged.cost.compute_burnt,
        })
    }
}

fn rejected(tx: &ValidatedTransaction, error: InvalidTxError) -> Converted {
    let outcome = ExecutionOutcome {
        logs: Vec::new(),
        receipt_ids: Vec::new(),
        gas_burnt: Gas::ZERO,
        compute_usage: Some(0),
        tokens_burnt: Balance::ZERO,
        executor_id: tx.to_tx().signer_id().clone(),
        status: ExecutionStatus::Failure(TxExecutionError::InvalidTxError(error)),
        metadata: ExecutionMetadata::V1,
    };
    Converted { outcome: ExecutionOutcomeWithId { id: tx.get_hash(), outcome }, receipt: None, compute: 0 }
}
