//! Which of the waiting transactions come into a block.

use std::collections::VecDeque;

use near_primitives::{
    congestion_info::{CongestionControl, CongestionInfo},
    errors::InvalidTxError,
    receipt::{Receipt, VersionedReceiptEnum},
    transaction::ValidatedTransaction,
    types::Gas,
};

use super::Chain;
use crate::{
    block::Block,
    runtime::{BlockContext, inconsistent},
    state::{Snapshot, StateUpdate},
};

impl Chain {
    /// Takes what fits from the pool. Transactions that became invalid meanwhile are dropped, as a chunk producer
    /// does (nearcore `prepare_transactions` in `chain/chain/src/runtime/mod.rs`).
    pub(super) fn take_transactions(
        &self,
        parent: &Block,
        base: &Snapshot,
        context: &BlockContext,
    ) -> Vec<ValidatedTransaction> {
        // The more receipts wait, the fewer transactions come in, as on NEAR.
        let config = self.view.runtime.config.congestion_control_config;
        let limit = CongestionControl::new(config, parent.congestion, 0).process_tx_limit();
        let mut state = StateUpdate::new(base.clone());
        let witness = &self.view.runtime.config.witness_config;
        let bytes_limit = witness.combined_transactions_size_limit;
        let proof_limit = witness.new_transactions_validation_state_size_soft_limit;
        let (mut used, mut bytes) = (Gas::ZERO, 0);
        let mut taken = Vec::new();
        let mut waiting = self.view.pool.lock().take().into_iter();
        let accepts = self.view.check_congestion(parent);
        for tx in waiting.by_ref() {
            match accepts.clone().and_then(|()| self.charge(&mut state, parent, &tx, context)) {
                Ok(gas) => {
                    used = used.saturating_add(gas);
                    bytes += usize::try_from(tx.wire_size()).unwrap_or(usize::MAX);
                    taken.push(tx);
                }
                Err(error) => tracing::debug!(tx_hash = %tx.get_hash(), %error, "transaction dropped"),
            }
            if used >= limit || bytes >= bytes_limit || state.block_proof_exceeds(proof_limit) {
                break;
            }
        }
        self.view.pool.lock().put_back(waiting.collect());
        taken
    }

    /// Charges the signer and says how much gas that burns.
    fn charge(
        &self,
        state: &mut StateUpdate,
        parent: &Block,
        tx: &ValidatedTransaction,
        context: &BlockContext,
    ) -> Result<Gas, InvalidTxError> {
        let tx = tx.to_tx();
        self.view.check_validity_period(tx.block_hash(), parent.height())?;
        let charged = self.view.runtime.charge_transaction(state, tx, context.gas_price, Some(context.height))?;
        charged.write(state, tx).map_err(inconsistent)?;
        Ok(charged.cost.gas_burnt)
    }
}

/// The gas attached to delayed receipts. Fees of their actions, small beside it, are left out.
pub(super) fn congestion(delayed: &VecDeque<Receipt>) -> CongestionInfo {
    let mut info = CongestionInfo::default();
    for receipt in delayed {
        if let VersionedReceiptEnum::Action(action) = receipt.versioned_receipt() {
            let attached =
                action.actions().iter().fold(Gas::ZERO, |sum, one| sum.saturating_add(one.get_prepaid_gas()));
            // The sum is far from the end of its type.
            let _ = info.add_delayed_receipt_gas(attached);
        }
    }
    info
}
