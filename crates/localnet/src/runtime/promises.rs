//! The receipts a contract call builds through host functions (nearcore `receipt_manager.rs`).

use near_primitives::{
    action::{Action, FunctionCallAction},
    errors::IntegerOverflowError,
    hash::CryptoHash,
    receipt::DataReceiver,
    types::{AccountId, Balance, Gas, GasWeight},
};
use near_vm_runner::logic::{HostError, VMLogicError};

/// Receipts in the making, in the order the contract created them.
#[derive(Default)]
pub struct Promises {
    /// Action receipts and yields.
    pub receipts: Vec<PromiseReceipt>,
    /// Data for earlier yields, by data id.
    pub resumes: Vec<(CryptoHash, Vec<u8>)>,
    weights: Vec<(usize, usize, GasWeight)>,
}

/// One action receipt in the making.
pub struct PromiseReceipt {
    /// Where it goes.
    pub receiver_id: AccountId,
    /// Who gets a failed receipt's deposit, if not the creator.
    pub refund_to: Option<AccountId>,
    /// Who waits for its result.
    pub output_data_receivers: Vec<DataReceiver>,
    /// Results it waits for.
    pub input_data_ids: Vec<CryptoHash>,
    /// What it does.
    pub actions: Vec<Action>,
    /// Whether it waits for `promise_yield_resume` rather than for other receipts.
    pub is_yield: bool,
}

impl Promises {
    /// Adds a receipt and returns its index.
    pub fn push(&mut self, receiver_id: AccountId, input_data_ids: Vec<CryptoHash>, is_yield: bool) -> u64 {
        let index = self.receipts.len();
        self.receipts.push(PromiseReceipt {
            receiver_id,
            refund_to: None,
            output_data_receivers: Vec::new(),
            input_data_ids,
            actions: Vec::new(),
            is_yield,
        });
        u64::try_from(index).unwrap_or(u64::MAX)
    }

    /// The receipt at `index`.
    pub fn receipt(&mut self, index: u64) -> Result<&mut PromiseReceipt, VMLogicError> {
        usize::try_from(index)
            .ok()
            .and_then(|position| self.receipts.get_mut(position))
            .ok_or_else(|| HostError::InvalidReceiptIndex { receipt_index: index }.into())
    }

    /// Appends an action to a receipt that the virtual machine has already checked to exist.
    pub fn append(&mut self, index: u64, action: Action) -> usize {
        match self.receipt(index) {
            Ok(receipt) => {
                receipt.actions.push(action);
                receipt.actions.len() - 1
            }
            Err(_) => 0,
        }
    }

    /// Appends a function call that takes part in the distribution of unused gas.
    pub fn append_call(
        &mut self,
        index: u64,
        method_name: Vec<u8>,
        args: Vec<u8>,
        deposit: Balance,
        gas: Gas,
        weight: GasWeight,
    ) -> Result<(), VMLogicError> {
        let method_name = String::from_utf8(method_name).map_err(|_| HostError::InvalidMethodName)?;
        let call = FunctionCallAction { method_name, args, gas, deposit };
        let action = self.append(index, Action::FunctionCall(Box::new(call)));
        if weight.0 > 0
            && let Ok(receipt) = usize::try_from(index)
        {
            self.weights.push((receipt, action, weight));
        }
        Ok(())
    }

    /// Spreads `unused` over the weighted calls; the last one takes the rounding. Returns the gas spread.
    pub fn distribute_gas(&mut self, unused: Gas) -> Result<Gas, IntegerOverflowError> {
        let total: u128 = self.weights.iter().map(|(_, _, weight)| u128::from(weight.0)).sum();
        if total == 0 || unused == Gas::ZERO {
            return Ok(Gas::ZERO);
        }
        let mut left = unused;
        for (position, (receipt, action, weight)) in self.weights.iter().enumerate() {
            let share = if position + 1 == self.weights.len() {
                left
            } else {
                let share = u128::from(unused.as_gas()) * u128::from(weight.0) / total;
                Gas::from_gas(u64::try_from(share).map_err(|_| IntegerOverflowError)?)
            };
            if let Some(Action::FunctionCall(call)) =
                self.receipts.get_mut(*receipt).and_then(|receipt| receipt.actions.get_mut(*action))
            {
                call.gas = call.gas.checked_add_result(share)?;
            }
            left = left.checked_sub(share).ok_or(IntegerOverflowError)?;
        }
        Ok(unused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(promises: &mut Promises, gas: u64, weight: u64) {
        let index = promises.push("a.near".parse().unwrap(), Vec::new(), false);
        promises
            .append_call(index, b"m".to_vec(), Vec::new(), Balance::ZERO, Gas::from_gas(gas), GasWeight(weight))
            .unwrap();
    }

    #[test]
    fn promises__should_spread_unused_gas_by_weight() {
        // Given calls of weight 1, 0 and 2
        let mut promises = Promises::default();
        call(&mut promises, 5, 1);
        call(&mut promises, 5, 0);
        call(&mut promises, 0, 2);

        // When 100 gas are left
        let spread = promises.distribute_gas(Gas::from_gas(100)).unwrap();

        // Then the weighted calls share all of it and the last takes the rounding
        let gas: Vec<_> =
            promises.receipts.iter().map(|receipt| receipt.actions[0].get_prepaid_gas().as_gas()).collect();
        assert_eq!(spread.as_gas(), 100);
        assert_eq!(gas, [38, 5, 67]);
    }
}
