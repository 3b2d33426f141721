//! Contracts shared by many accounts (NEP-591; nearcore `global_contracts.rs`).

use near_primitives::{
    account::AccountContract,
    action::{DeployGlobalContractAction, GlobalContractDeployMode, GlobalContractIdentifier},
    errors::ActionErrorKind,
    hash::CryptoHash,
    receipt::{GlobalContractDistributionReceipt, Receipt},
    trie_key::TrieKey,
    types::ShardId,
};
use near_vm_runner::ContractCode;

use super::ActionOutcome;
use crate::runtime::{RuntimeError, apply::ActionContext, fees};

impl ActionContext<'_> {
    pub(in crate::runtime) fn deploy_global_contract(&mut self, deploy: &DeployGlobalContractAction) -> ActionOutcome {
        let account_id = self.account_id().clone();
        let bytes = u128::try_from(deploy.code.len()).map_err(|_| RuntimeError::Overflow)?;
        let price = self.runtime.config.fees.storage_usage_config.global_contract_storage_amount_per_byte;
        let cost = price.checked_mul(bytes).ok_or(RuntimeError::Overflow)?;
        let account = self.existing_account()?;
        let Some(left) = account.amount().checked_sub(cost) else {
            return Err(ActionErrorKind::LackBalanceForState { account_id, amount: cost }.into());
        };
        account.set_amount(left);
        self.result.tokens_burnt = fees::add(self.result.tokens_burnt, cost)?;
        let code_hash = CryptoHash::hash_bytes(&deploy.code);
        let identifier = match deploy.deploy_mode {
            GlobalContractDeployMode::CodeHash => GlobalContractIdentifier::CodeHash(code_hash),
            GlobalContractDeployMode::AccountId => GlobalContractIdentifier::AccountId(account_id.clone()),
        };
        let nonce_key = TrieKey::GlobalContractNonce { identifier: identifier.clone().into() };
        let nonce = self.state.read::<u64>(nonce_key.clone())?.unwrap_or(0) + 1;
        self.state.write(nonce_key, &nonce)?;
        self.precompile(ContractCode::new(deploy.code.to_vec(), Some(code_hash)))?;
        self.result.new_receipts.push(Receipt::new_global_contract_distribution(
            account_id,
            GlobalContractDistributionReceipt::new(identifier, ShardId::new(0), vec![], deploy.code.clone(), nonce),
        ));
        Ok(())
    }

    pub(in crate::runtime) fn use_global_contract(&mut self, identifier: &GlobalContractIdentifier) -> ActionOutcome {
        let key = TrieKey::GlobalContractCode { identifier: identifier.clone().into() };
        if self.state.get(&key).is_none() {
            return Err(ActionErrorKind::GlobalContractDoesNotExist { identifier: identifier.clone() }.into());
        }
        let contract = match identifier {
            GlobalContractIdentifier::CodeHash(code_hash) => AccountContract::Global(*code_hash),
            GlobalContractIdentifier::AccountId(account_id) => AccountContract::GlobalByAccount(account_id.clone()),
        };
        let had_code = self.existing_account()?.contract().is_local();
        self.replace_contract(contract, identifier.len())?;
        if had_code {
            self.state.remove(TrieKey::ContractCode { account_id: self.account_id().clone() });
        }
        Ok(())
    }
}
