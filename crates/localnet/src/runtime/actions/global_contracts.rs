//! Contracts shared by many accounts (NEP-591) and accounts defined by their initial state (NEP-616).

use near_primitives::{
    account::AccountContract,
    action::{
        DeployGlobalContractAction, DeterministicStateInitAction, GlobalContractDeployMode, GlobalContractIdentifier,
    },
    errors::ActionErrorKind,
    hash::CryptoHash,
    receipt::{GlobalContractDistributionReceipt, Receipt},
    trie_key::TrieKey,
    types::{Balance, ShardId},
};
use near_vm_runner::ContractCode;

use super::ActionOutcome;
use crate::{
    runtime::{Runtime, RuntimeError, apply::ActionContext},
    state::StateUpdate,
};

impl Runtime {
    pub(in crate::runtime) fn deploy_global_contract(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        deploy: &DeployGlobalContractAction,
    ) -> ActionOutcome {
        let account_id = ctx.account_id().clone();
        let bytes = u128::try_from(deploy.code.len()).map_err(|_| RuntimeError::Overflow)?;
        let price = self.config.fees.storage_usage_config.global_contract_storage_amount_per_byte;
        let cost = price.checked_mul(bytes).ok_or(RuntimeError::Overflow)?;
        let account = ctx.existing_account()?;
        let Some(left) = account.amount().checked_sub(cost) else {
            return Ok(Err(ActionErrorKind::LackBalanceForState { account_id, amount: cost }));
        };
        account.set_amount(left);
        ctx.result.tokens_burnt = ctx.result.tokens_burnt.checked_add(cost).ok_or(RuntimeError::Overflow)?;
        let code_hash = CryptoHash::hash_bytes(&deploy.code);
        let identifier = match deploy.deploy_mode {
            GlobalContractDeployMode::CodeHash => GlobalContractIdentifier::CodeHash(code_hash),
            GlobalContractDeployMode::AccountId => GlobalContractIdentifier::AccountId(account_id.clone()),
        };
        let nonce_key = TrieKey::GlobalContractNonce { identifier: identifier.clone().into() };
        let nonce = state.read::<u64>(nonce_key.clone())?.unwrap_or(0) + 1;
        state.write(nonce_key, &nonce)?;
        self.precompile(ContractCode::new(deploy.code.to_vec(), Some(code_hash)))?;
        ctx.result.new_receipts.push(Receipt::new_global_contract_distribution(
            account_id,
            GlobalContractDistributionReceipt::new(identifier, ShardId::new(0), vec![], deploy.code.clone(), nonce),
        ));
        Ok(Ok(()))
    }

    pub(in crate::runtime) fn use_global_contract(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        identifier: &GlobalContractIdentifier,
    ) -> ActionOutcome {
        let key = TrieKey::GlobalContractCode { identifier: identifier.clone().into() };
        if state.get(&key).is_none() {
            return Ok(Err(Self::no_global_contract(identifier.clone())));
        }
        self.replace_contract(state, ctx, global(identifier), identifier.len())?;
        state.remove(TrieKey::ContractCode { account_id: ctx.account_id().clone() });
        Ok(Ok(()))
    }

    /// Creates the account if needed and installs its code and data. Doing it again only returns the deposit.
    pub(in crate::runtime) fn deterministic_state_init(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        init: &DeterministicStateInitAction,
    ) -> ActionOutcome {
        let account_id = ctx.account_id().clone();
        let mut account = ctx.account.clone().unwrap_or_else(|| self.empty_account());
        let mut unused = init.deposit;
        if account.contract().is_none() {
            let identifier = init.state_init.code();
            let key = TrieKey::GlobalContractCode { identifier: identifier.clone().into() };
            if state.get(&key).is_none() {
                return Ok(Err(Self::no_global_contract(identifier.clone())));
            }
            let extra = self.config.fees.storage_usage_config.num_extra_bytes_record;
            let mut usage = account.storage_usage().saturating_add(global(identifier).identifier_storage_usage());
            for (data_key, value) in init.state_init.data() {
                let bytes = u64::try_from(data_key.len() + value.len()).map_err(|_| RuntimeError::Overflow)?;
                usage = usage.saturating_add(bytes).saturating_add(extra);
                let key = TrieKey::ContractData { account_id: account_id.clone(), key: data_key.clone() };
                state.set(key, value.clone());
            }
            account.set_storage_usage(usage);
            account.set_contract(global(identifier)).map_err(|error| RuntimeError::Inconsistent(error.to_string()))?;
            // The deposit pays only for the storage the account cannot pay itself; the rest goes back.
            let balance = account.amount();
            let lacking = crate::runtime::storage_stake::lacking(&self.config, &account, balance)?;
            let taken = lacking.unwrap_or(Balance::ZERO).min(unused);
            account.set_amount(balance.checked_add(taken).ok_or(RuntimeError::Overflow)?);
            unused = unused.saturating_sub(taken);
        }
        if unused > Balance::ZERO {
            let refund_to = ctx.receipt.balance_refund_receiver();
            ctx.result.new_receipts.push(Receipt::new_balance_refund(refund_to, unused));
        }
        ctx.account = Some(account);
        Ok(Ok(()))
    }
}

fn global(identifier: &GlobalContractIdentifier) -> AccountContract {
    match identifier {
        GlobalContractIdentifier::CodeHash(code_hash) => AccountContract::Global(*code_hash),
        GlobalContractIdentifier::AccountId(account_id) => AccountContract::GlobalByAccount(account_id.clone()),
    }
}
