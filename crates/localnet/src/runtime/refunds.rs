//! What comes back after a receipt: its deposit if it failed, and the gas it paid for but did not burn.

use near_parameters::ActionCosts;
use near_primitives::{receipt::Receipt, types::Balance};

use super::{RuntimeError, apply::ActionContext, fees};

impl ActionContext<'_> {
    /// Refunds after a receipt that was not itself a refund: a deposit, gas, or neither. Counts what its gas cost.
    ///
    /// Gas was bought at the receipt's price, which is at least the protocol's minimum, and is burnt at the
    /// block's price if that is lower; the difference returns as well, less what an account creation must cost.
    pub(super) fn refund(&mut self, success: bool, created_account: bool) -> Result<(), RuntimeError> {
        let (config, receipt) = (&self.runtime.config, self.action_receipt);
        let gas_burnt = self.result.gas_burnt;
        let bought = fees::bought_gas(config, receipt.actions(), self.account_id())?;
        let spent = if success { self.result.gas_used } else { gas_burnt };
        let unspent = bought.checked_sub(spent).ok_or(RuntimeError::Overflow)?;

        let purchase_price = receipt.gas_price();
        let burn_price = purchase_price.min(self.block.gas_price);
        let penalty = fees::gas_to_balance(burn_price, config.fees.gas_penalty_for_gas_refund(unspent))?;
        let unspent_refund = fees::gas_to_balance(purchase_price, unspent)?.saturating_sub(penalty);
        let surplus = fees::gas_to_balance(purchase_price.saturating_sub(burn_price), gas_burnt)?;
        let creation_charge =
            if created_account { self.creation_charge(burn_price)?.min(surplus) } else { Balance::ZERO };

        let deposit = if success { Balance::ZERO } else { fees::total_deposit(receipt.actions())? };
        if deposit > Balance::ZERO {
            let refund = Receipt::new_balance_refund(self.receipt.balance_refund_receiver(), deposit);
            self.result.new_receipts.push(refund);
        }
        let gas_refund = fees::add(unspent_refund, surplus.saturating_sub(creation_charge))?;
        if gas_refund > Balance::ZERO {
            let key = receipt.signer_public_key().clone();
            self.result.new_receipts.push(Receipt::new_gas_refund(receipt.signer_id(), gas_refund, key));
        }
        for burnt in [fees::gas_to_balance(burn_price, gas_burnt)?, penalty, creation_charge] {
            self.result.tokens_burnt = fees::add(self.result.tokens_burnt, burnt)?;
        }
        Ok(())
    }

    /// What creating an account costs beyond the gas burnt for it.
    fn creation_charge(&self, burn_price: Balance) -> Result<Balance, RuntimeError> {
        let config = &self.runtime.config;
        let gas = config.fees.fee(ActionCosts::create_account).exec_fee().gas;
        Ok(config.account_creation_charge.saturating_sub(fees::gas_to_balance(burn_price, gas)?))
    }
}
