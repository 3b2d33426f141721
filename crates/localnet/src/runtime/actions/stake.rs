//! Staking, as far as balances and proposals show it (nearcore `actions.rs`, `action_stake`). The set of validators is
//! fixed at genesis.

use near_primitives::{
    action::StakeAction,
    errors::ActionErrorKind,
    types::{Balance, validator_stake::ValidatorStake},
};

use super::ActionOutcome;
use crate::runtime::{Runtime, RuntimeError, apply::ActionContext};

impl Runtime {
    pub(in crate::runtime) fn stake(&self, ctx: &mut ActionContext<'_>, stake: &StakeAction) -> ActionOutcome {
        let account_id = ctx.account_id().clone();
        let account = ctx.existing_account()?;
        let (balance, locked) = (account.amount(), account.locked());
        let increment = stake.stake.saturating_sub(locked);
        let Some(left) = balance.checked_sub(increment) else {
            let stake = stake.stake;
            return Ok(Err(ActionErrorKind::TriesToStake { account_id, stake, locked, balance }));
        };
        if locked == Balance::ZERO && stake.stake == Balance::ZERO {
            return Ok(Err(ActionErrorKind::TriesToUnstake { account_id }));
        }
        let minimum_stake = self.validators.minimum_stake;
        if stake.stake > Balance::ZERO && stake.stake < minimum_stake {
            let stake = stake.stake;
            return Ok(Err(ActionErrorKind::InsufficientStake { account_id, stake, minimum_stake }));
        }
        let proposal = ValidatorStake::new(account_id, stake.public_key.clone(), stake.stake);
        if increment > Balance::ZERO {
            account.set_amount(left);
            account.set_locked(stake.stake).map_err(|error| RuntimeError::Inconsistent(error.to_string()))?;
        }
        ctx.result.proposals.push(proposal);
        Ok(Ok(()))
    }
}
