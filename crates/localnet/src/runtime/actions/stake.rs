//! Staking, as far as balances and proposals show it (nearcore `actions.rs`, `action_stake`). The set of validators is
//! fixed at genesis.

use near_primitives::{
    action::StakeAction,
    errors::ActionErrorKind,
    types::{Balance, validator_stake::ValidatorStake},
};

use super::ActionOutcome;
use crate::runtime::{RuntimeError, apply::ActionContext};

impl ActionContext<'_> {
    pub(in crate::runtime) fn stake(&mut self, action: &StakeAction) -> ActionOutcome {
        let StakeAction { stake, public_key } = action.clone();
        let account_id = self.account_id().clone();
        let minimum_stake = self.runtime.validators.minimum_stake;
        let account = self.existing_account()?;
        let (balance, locked) = (account.amount(), account.locked());
        let increment = stake.saturating_sub(locked);
        let Some(left) = balance.checked_sub(increment) else {
            return Err(ActionErrorKind::TriesToStake { account_id, stake, locked, balance }.into());
        };
        if locked == Balance::ZERO && stake == Balance::ZERO {
            return Err(ActionErrorKind::TriesToUnstake { account_id }.into());
        }
        if stake > Balance::ZERO && stake < minimum_stake {
            return Err(ActionErrorKind::InsufficientStake { account_id, stake, minimum_stake }.into());
        }
        if increment > Balance::ZERO {
            account.set_amount(left);
            account.set_locked(stake).map_err(|error| RuntimeError::Inconsistent(error.to_string()))?;
        }
        self.result.proposals.push(ValidatorStake::new(account_id, public_key, stake));
        Ok(())
    }
}
