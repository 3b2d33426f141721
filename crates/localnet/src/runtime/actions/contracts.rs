//! Deploying a contract to an account.

use near_primitives::{account::AccountContract, errors::ActionErrorKind, hash::CryptoHash, trie_key::TrieKey};
use near_vm_runner::{ContractCode, precompile_contract};

use super::{ActionOutcome, accounts::contract_bytes};
use crate::{
    runtime::{Runtime, RuntimeError, apply::ActionContext},
    state::StateUpdate,
};

impl Runtime {
    pub(in crate::runtime) fn deploy_contract(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        code: &[u8],
    ) -> ActionOutcome {
        let code_hash = CryptoHash::hash_bytes(code);
        self.replace_contract(state, ctx, AccountContract::Local(code_hash), code.len())?;
        let account_id = ctx.account_id().clone();
        state.set(TrieKey::ContractCode { account_id }, code.to_vec());
        self.precompile(ContractCode::new(code.to_vec(), Some(code_hash)))?;
        Ok(Ok(()))
    }

    /// Compiles code now so that the first call does not wait. A contract that does not compile is deployed
    /// all the same; calls to it fail.
    pub(super) fn precompile(&self, code: ContractCode) -> Result<(), RuntimeError> {
        precompile_contract(&code, self.config.wasm_config.clone(), Some(&*self.cache))
            .map(|_| ())
            .map_err(|error| RuntimeError::VirtualMachine(error.to_string()))
    }

    /// Points the account at another contract and moves its storage usage from the old to the new one.
    pub(super) fn replace_contract(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        contract: AccountContract,
        new_bytes: usize,
    ) -> Result<(), RuntimeError> {
        let account_id = ctx.account_id().clone();
        let account = ctx.existing_account()?;
        let freed = contract_bytes(state, &account_id, account);
        let added = u64::try_from(new_bytes).map_err(|_| RuntimeError::Overflow)?;
        let usage = account.storage_usage().saturating_sub(freed).checked_add(added).ok_or(RuntimeError::Overflow)?;
        account.set_storage_usage(usage);
        account.set_contract(contract).map_err(|error| RuntimeError::Inconsistent(error.to_string()))
    }

    /// The error for a global contract nobody deployed.
    pub(super) fn no_global_contract(identifier: near_primitives::action::GlobalContractIdentifier) -> ActionErrorKind {
        ActionErrorKind::GlobalContractDoesNotExist { identifier }
    }
}
