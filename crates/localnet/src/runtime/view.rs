//! Read-only calls (nearcore `state_viewer`).

use near_crypto::{KeyType, PublicKey};
use near_primitives::{
    config::ViewConfig, errors::FunctionCallError, hash::CryptoHash, types::AccountId, views::CallResult,
};
use near_vm_runner::logic::{ReturnData, VMContext};

use super::{BlockContext, Runtime, RuntimeError, call::call_context, errors::function_call_error};
use crate::state::{Snapshot, StateUpdate};

/// Why a view call gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// No such account.
    #[error("account {0} does not exist")]
    NoAccount(AccountId),
    /// The contract failed.
    #[error("the contract failed: {message}")]
    Contract {
        /// The virtual machine's error as nearcore prints it.
        message: String,
        /// The error in the form outcomes carry.
        error: FunctionCallError,
        /// Logs up to the failure.
        logs: Vec<String>,
    },
    /// The node failed.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

impl Runtime {
    /// Calls a method without changing anything.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn view_call(
        &self,
        snapshot: &Snapshot,
        block: &BlockContext,
        account_id: &AccountId,
        method_name: &str,
        args: &[u8],
    ) -> Result<CallResult, ViewError> {
        let account = snapshot
            .account(account_id)
            .map_err(RuntimeError::from)?
            .ok_or_else(|| ViewError::NoAccount(account_id.clone()))?;
        let limits = &self.config.wasm_config.limit_config;
        let context = VMContext {
            signer_account_pk: borsh::to_vec(&PublicKey::empty(KeyType::ED25519)).unwrap_or_default(),
            input: args.into(),
            prepaid_gas: limits.max_gas_burnt,
            view_config: Some(ViewConfig { max_gas_burnt: limits.max_gas_burnt }),
            ..call_context(block, account_id, &account)
        };
        let mut state = StateUpdate::new(snapshot.clone());
        let (outcome, _) = self.run_contract(&mut state, &context, CryptoHash::default(), method_name)?;
        if let Some(error) = outcome.aborted {
            let message = format!("{error:?}");
            let error = function_call_error(error);
            return Err(ViewError::Contract { message, error, logs: outcome.logs });
        }
        let result = match outcome.return_data {
            ReturnData::Value(value) => value,
            ReturnData::None | ReturnData::ReceiptIndex(_) => Vec::new(),
        };
        Ok(CallResult { result, logs: outcome.logs })
    }
}
