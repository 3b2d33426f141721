//! Turning a transaction into its receipt (nearcore `lib.rs`, `process_transactions`).

use near_primitives::{
    errors::TxExecutionError,
    receipt::Receipt,
    transaction::{ExecutionMetadata, ExecutionOutcome, ExecutionOutcomeWithId, ExecutionStatus, ValidatedTransaction},
    types::{Balance, Gas, StateChangeCause},
    utils::create_receipt_id_from_transaction,
};

use super::{BlockContext, Runtime, RuntimeError};
use crate::state::StateUpdate;

impl Runtime {
    /// Charges the signer and creates the receipt. An invalid transaction only leaves a failed outcome.
    pub(super) fn convert_transaction(
        &self,
        state: &mut StateUpdate,
        block: &BlockContext,
        tx: &ValidatedTransaction,
    ) -> Result<(ExecutionOutcomeWithId, Option<Receipt>), RuntimeError> {
        let (id, transaction) = (tx.get_hash(), tx.to_tx());
        let mut outcome = ExecutionOutcome {
            logs: Vec::new(),
            receipt_ids: Vec::new(),
            gas_burnt: Gas::ZERO,
            compute_usage: Some(0),
            tokens_burnt: Balance::ZERO,
            executor_id: transaction.signer_id().clone(),
            status: ExecutionStatus::Unknown,
            metadata: ExecutionMetadata::V1,
        };
        let charged = match self.charge_transaction(state, transaction, block.gas_price, Some(block.height)) {
            Ok(charged) => charged,
            Err(error) => {
                outcome.status = ExecutionStatus::Failure(TxExecutionError::InvalidTxError(error));
                return Ok((ExecutionOutcomeWithId { id, outcome }, None));
            }
        };
        charged.write(state, transaction)?;
        state.commit(StateChangeCause::TransactionProcessing { tx_hash: id });

        let receipt_id = create_receipt_id_from_transaction(&id, block.height);
        let receipt = Receipt::from_tx(
            receipt_id,
            transaction.signer_id().clone(),
            transaction.receiver_id().clone(),
            transaction.public_key().clone(),
            charged.cost.receipt_gas_price,
            transaction.actions().to_vec(),
        );
        outcome.receipt_ids.push(receipt_id);
        outcome.gas_burnt = charged.cost.gas_burnt;
        outcome.compute_usage = Some(charged.cost.compute_burnt);
        outcome.tokens_burnt = charged.cost.burnt_amount;
        outcome.status = ExecutionStatus::SuccessReceiptId(receipt_id);
        Ok((ExecutionOutcomeWithId { id, outcome }, Some(receipt)))
    }
}
