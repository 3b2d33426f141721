//! Deploying a contract to an account.

use near_primitives::{account::AccountContract, hash::CryptoHash, trie_key::TrieKey};
use near_vm_runner::{ContractCode, precompile_contract};

use super::ActionOutcome;
use crate::runtime::{RuntimeError, apply::ActionContext};

impl ActionContext<'_> {
    pub(in crate::runtime) fn deploy_contract(&mut self, code: &[u8]) -> ActionOutcome {
        let code_hash = CryptoHash::hash_bytes(code);
        self.replace_contract(AccountContract::Local(code_hash), code.len())?;
        self.state.set(TrieKey::ContractCode { account_id: self.account_id().clone() }, code.to_vec());
        self.precompile(ContractCode::new(code.to_vec(), Some(code_hash)))
    }

    /// Compiles code now so that the first call does not wait. A contract that does not compile is deployed
    /// all the same; calls to it fail.
    pub(super) fn precompile(&self, code: ContractCode) -> ActionOutcome {
        precompile_contract(&code, self.runtime.config.wasm_config.clone(), Some(&*self.runtime.cache))
            .map(drop)
            .map_err(|error| RuntimeError::VirtualMachine(error.to_string()).into())
    }

    /// Bytes of the account's storage usage that its contract takes.
    pub(super) fn contract_bytes(&self) -> u64 {
        match self.contract() {
            AccountContract::None => 0,
            AccountContract::Local(_) => {
                let code = self.state.get(&TrieKey::ContractCode { account_id: self.account_id().clone() });
                code.map_or(0, |code| u64::try_from(code.len()).unwrap_or(u64::MAX))
            }
            contract @ (AccountContract::Global(_) | AccountContract::GlobalByAccount(_)) => {
                contract.identifier_storage_usage()
            }
        }
    }

    /// Points the account at another contract and moves its storage usage from the old to the new one.
    pub(super) fn replace_contract(&mut self, contract: AccountContract, new_bytes: usize) -> ActionOutcome {
        let freed = self.contract_bytes();
        let added = u64::try_from(new_bytes).map_err(|_| RuntimeError::Overflow)?;
        let account = self.existing_account()?;
        let usage = account.storage_usage().saturating_sub(freed).checked_add(added).ok_or(RuntimeError::Overflow)?;
        account.set_storage_usage(usage);
        account.set_contract(contract).map_err(|error| RuntimeError::Inconsistent(error.to_string()))?;
        Ok(())
    }
}
