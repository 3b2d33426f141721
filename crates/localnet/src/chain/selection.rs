//! Which of the waiting transactions come into a block.

use std::collections::VecDeque;

use near_primitives::{
    congestion_info::{CongestionControl, CongestionInfo},
    errors::InvalidTxError,
    receipt::{Receipt, VersionedReceiptEnum},
    transaction::ValidatedTransaction,
    types::Gas,
};

use super::{Block, Chain};
use crate::{
    runtime::BlockContext,
    state::{Snapshot, StateUpdate},
};

impl Chain {
    /// Takes what fits from the pool. Transactions that became invalid meanwhile are dropped, as a chunk
    /// producer does, and the reason is remembered for whoever waits.
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
        let mut used = Gas::ZERO;
        let mut taken = Vec::new();
        let waiting = self.view.pool().take();
        let mut waiting = waiting.into_iter();
        for tx in waiting.by_ref() {
            let hash = tx.get_hash();
            let charged = self
                .view
                .check_validity_period(tx.to_tx().block_hash(), context.height - 1)
                .and_then(|()| {
                    let runtime = &self.view.runtime;
                    runtime.charge_transaction(&state, tx.to_tx(), context.gas_price, context.height)
                })
                .and_then(|charged| {
                    charged.write(&mut state, tx.to_tx()).map_err(|error| {
                        InvalidTxError::StorageError(near_primitives::errors::StorageError::StorageInconsistentState(
                            error.to_string(),
                        ))
                    })?;
                    Ok(charged)
                });
            match charged {
                Ok(charged) => {
                    used = used.saturating_add(charged.cost.gas_burnt);
                    taken.push(tx);
                }
                Err(error) => self.view.reject(hash, error),
            }
            if used >= limit {
                break;
            }
        }
        let rest: Vec<_> = waiting.collect();
        if !rest.is_empty() {
            self.view.pool().put_back(rest);
        }
        taken
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
