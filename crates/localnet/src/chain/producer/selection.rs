//! Which of the waiting transactions come into a block.

use std::collections::VecDeque;

use near_parameters::{ActionCosts, RuntimeConfig};
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
    runtime::{BlockContext, fees, inconsistent},
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

/// What waits in delayed receipts: the gas that their actions cost, and what is attached to them (nearcore
/// `receipt_congestion_gas` in `runtime/runtime/src/congestion_control.rs`). Their bytes are not counted.
pub(super) fn congestion(config: &RuntimeConfig, delayed: &VecDeque<Receipt>) -> CongestionInfo {
    let mut info = CongestionInfo::default();
    for receipt in delayed {
        if let VersionedReceiptEnum::Action(action) = receipt.versioned_receipt() {
            let actions = action.actions();
            let base = config.fees.fee(ActionCosts::new_action_receipt).exec_fee().gas;
            // A receipt whose sums overflow is never made.
            let fees =
                fees::prepaid_exec_fees(config, actions, receipt.receiver_id()).map_or(Gas::ZERO, |fees| fees.gas);
            let attached = fees::prepaid_gas(actions).unwrap_or(Gas::ZERO);
            // The sum is far from the end of its type.
            let _ = info.add_delayed_receipt_gas(base.saturating_add(fees).saturating_add(attached));
        }
    }
    info
}

#[cfg(test)]
mod tests {
    use near_parameters::RuntimeConfigStore;
    use near_primitives::{
        action::{Action, FunctionCallAction, TransferAction},
        hash::CryptoHash,
        receipt::{ActionReceipt, DataReceipt, ReceiptEnum, ReceiptV0},
        types::{AccountId, Balance},
        version::PROTOCOL_VERSION,
    };

    use super::*;

    fn receipt(receipt: ReceiptEnum) -> Receipt {
        let account: AccountId = "test.near".parse().unwrap();
        let (predecessor_id, receipt_id) = (account.clone(), CryptoHash::default());
        Receipt::V0(ReceiptV0 { predecessor_id, receiver_id: account, receipt_id, receipt })
    }

    #[test]
    fn congestion__should_be_the_fees_and_the_gas_of_what_waits() {
        // Given a call that waits behind a transfer, and data
        let gas = Gas::from_teragas(7);
        let call = FunctionCallAction { method_name: "m".to_owned(), args: vec![0; 10], gas, deposit: Balance::ZERO };
        let actions =
            [Action::Transfer(TransferAction { deposit: Balance::ZERO }), Action::FunctionCall(Box::new(call))];
        let waiting = actions.iter().map(|action| {
            receipt(ReceiptEnum::Action(ActionReceipt {
                signer_id: "test.near".parse().unwrap(),
                signer_public_key: near_crypto::PublicKey::empty(near_crypto::KeyType::ED25519),
                gas_price: Balance::ZERO,
                output_data_receivers: Vec::new(),
                input_data_ids: Vec::new(),
                actions: vec![action.clone()],
            }))
        });
        let data = receipt(ReceiptEnum::Data(DataReceipt { data_id: CryptoHash::default(), data: None }));
        let delayed: VecDeque<_> = waiting.chain([data]).collect();

        // Then it is two receipts, a transfer, a call of eleven bytes, and the gas attached
        let store = RuntimeConfigStore::new(None);
        let config = store.get_config(PROTOCOL_VERSION);
        let exec = |cost| u128::from(config.fees.fee(cost).exec_fee().gas.as_gas());
        let fees = 2 * exec(ActionCosts::new_action_receipt) + exec(ActionCosts::transfer);
        let fees = fees + exec(ActionCosts::function_call_base) + 11 * exec(ActionCosts::function_call_byte);
        assert_eq!(congestion(config, &delayed).delayed_receipts_gas(), fees + u128::from(gas.as_gas()));
    }
}
