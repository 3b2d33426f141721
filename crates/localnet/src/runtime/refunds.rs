//! What comes back after a receipt: its deposit if it failed, and the gas it paid for but did not burn.

use near_parameters::ActionCosts;
use near_primitives::{
    receipt::{Receipt, VersionedActionReceipt},
    types::{Balance, Gas},
};

use super::{Runtime, RuntimeError, fees};

/// Refund receipts of one receipt and the tokens its gas cost.
pub struct Refunds {
    /// A deposit refund, a gas refund, or neither.
    pub receipts: Vec<Receipt>,
    /// yoctoNEAR burnt for the receipt's gas.
    pub tokens_burnt: Balance,
}

/// How a receipt went, as far as refunds care.
pub struct Usage {
    /// Whether it succeeded.
    pub success: bool,
    /// Gas burnt.
    pub gas_burnt: Gas,
    /// Gas burnt or passed on to new receipts.
    pub gas_used: Gas,
    /// Whether it created its receiver's account.
    pub created_account: bool,
}

impl Runtime {
    /// Refunds after a receipt that was not itself a refund.
    ///
    /// Gas was bought at the receipt's price, which is at least the protocol's minimum, and is burnt at the
    /// block's price if that is lower; the difference returns as well, less what an account creation must cost.
    pub(super) fn refund(
        &self,
        block_gas_price: Balance,
        receipt: &Receipt,
        action_receipt: &VersionedActionReceipt<'_>,
        usage: &Usage,
    ) -> Result<Refunds, RuntimeError> {
        let config = &self.config;
        let actions = action_receipt.actions();
        let bought = fees::prepaid_gas(actions)?
            .checked_add_result(fees::prepaid_send_fees(config, actions)?.gas)?
            .checked_add_result(fees::prepaid_exec_fees(config, actions, receipt.receiver_id())?.gas)?
            .checked_add_result(config.fees.fee(ActionCosts::new_action_receipt).exec_fee().gas)?;
        let spent = if usage.success { usage.gas_used } else { usage.gas_burnt };
        let unspent = bought.checked_sub(spent).ok_or(RuntimeError::Overflow)?;

        let purchase_price = action_receipt.gas_price();
        let burn_price = purchase_price.min(block_gas_price);
        let penalty = fees::gas_to_balance(burn_price, config.fees.gas_penalty_for_gas_refund(unspent))?;
        let unspent_refund = fees::gas_to_balance(purchase_price, unspent)?.saturating_sub(penalty);
        let surplus = fees::gas_to_balance(purchase_price.saturating_sub(burn_price), usage.gas_burnt)?;
        let creation_charge =
            if usage.created_account { self.creation_charge(burn_price)?.min(surplus) } else { Balance::ZERO };

        let mut receipts = Vec::new();
        let deposit = if usage.success { Balance::ZERO } else { fees::total_deposit(actions)? };
        if deposit > Balance::ZERO {
            receipts.push(Receipt::new_balance_refund(receipt.balance_refund_receiver(), deposit));
        }
        let gas_refund = fees::add(unspent_refund, surplus.saturating_sub(creation_charge))?;
        if gas_refund > Balance::ZERO {
            receipts.push(Receipt::new_gas_refund(
                action_receipt.signer_id(),
                gas_refund,
                action_receipt.signer_public_key().clone(),
            ));
        }
        let burnt = fees::gas_to_balance(burn_price, usage.gas_burnt)?;
        let tokens_burnt = fees::add(fees::add(burnt, penalty)?, creation_charge)?;
        Ok(Refunds { receipts, tokens_burnt })
    }

    /// What creating an account costs beyond the gas burnt for it.
    fn creation_charge(&self, burn_price: Balance) -> Result<Balance, RuntimeError> {
        let gas = self.config.fees.fee(ActionCosts::create_account).exec_fee().gas;
        let burnt = fees::gas_to_balance(burn_price, gas)?;
        Ok(self.config.account_creation_charge.saturating_sub(burnt))
    }
}
