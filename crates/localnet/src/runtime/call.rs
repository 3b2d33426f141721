//! Running a contract method (nearcore `function_call.rs`).

use std::{rc::Rc, sync::Arc};

use near_primitives::{
    account::{Account, AccountContract},
    action::{FunctionCallAction, GlobalContractIdentifier},
    errors::ActionErrorKind,
    hash::CryptoHash,
    receipt::{ActionReceiptV2, DataReceipt, Receipt, ReceiptEnum, ReceiptV0},
    trie_key::TrieKey,
    types::{AccountId, Balance, Gas},
    utils::{create_action_hash_from_receipt_id, create_random_seed},
};
use near_vm_runner::{
    Contract, ContractCode,
    logic::{
        ReturnData, VMContext, VMOutcome,
        errors::{CompilationError, FunctionCallError, VMRunnerError},
    },
};

use super::{
    BlockContext, Runtime, RuntimeError,
    apply::ActionContext,
    errors::{ActionFailure, function_call_error},
    external::RuntimeExternal,
    fees,
    promises::Promises,
    yields,
};
use crate::state::{StateError, StateUpdate, Value};

/// The contract of one account, whose code is only read if it has not been compiled before.
struct AccountCode {
    hash: CryptoHash,
    code: Option<Value>,
}

impl AccountCode {
    /// Finds an account's code. Accounts without a contract get an empty one.
    fn find(account_id: &AccountId, contract: &AccountContract, state: &StateUpdate) -> Self {
        let global = |identifier: GlobalContractIdentifier| {
            state.get(&TrieKey::GlobalContractCode { identifier: identifier.into() })
        };
        match contract.clone() {
            AccountContract::None => Self { hash: CryptoHash::default(), code: None },
            AccountContract::Local(hash) => {
                Self { hash, code: state.get(&TrieKey::ContractCode { account_id: account_id.clone() }) }
            }
            AccountContract::Global(hash) => Self { hash, code: global(GlobalContractIdentifier::CodeHash(hash)) },
            AccountContract::GlobalByAccount(owner_id) => {
                let code = global(GlobalContractIdentifier::AccountId(owner_id));
                let hash = code.as_ref().map_or(CryptoHash::default(), |code| CryptoHash::hash_bytes(code));
                Self { hash, code }
            }
        }
    }
}

impl Contract for AccountCode {
    fn hash(&self) -> CryptoHash {
        self.hash
    }

    fn get_code(&self) -> Option<Arc<ContractCode>> {
        let code = self.code.as_ref()?;
        Some(Arc::new(ContractCode::new(code.to_vec(), Some(self.hash))))
    }
}

/// What a call knows that an account makes to itself in a block, without arguments, deposit or gas.
pub(super) fn call_context(block: &BlockContext, account_id: &AccountId, account: &Account) -> VMContext {
    VMContext {
        current_account_id: account_id.clone(),
        signer_account_id: account_id.clone(),
        signer_account_pk: Vec::new(),
        predecessor_account_id: account_id.clone(),
        refund_to_account_id: account_id.clone(),
        input: Rc::default(),
        promise_results: Arc::default(),
        block_height: block.height,
        block_timestamp: block.timestamp,
        epoch_height: block.epoch_height,
        account_balance: account.amount(),
        account_locked_balance: account.locked(),
        storage_usage: account.storage_usage(),
        account_contract: account.contract().into_owned(),
        attached_deposit: Balance::ZERO,
        prepaid_gas: Gas::ZERO,
        random_seed: create_random_seed(CryptoHash::default(), block.random_value),
        view_config: None,
        output_data_receivers: Vec::new(),
    }
}

impl ActionContext<'_> {
    pub(super) fn function_call(&mut self, call: &FunctionCallAction, position: usize) -> Result<(), ActionFailure> {
        let account = self.existing_account()?.clone();
        fees::add(account.amount(), call.deposit)?;
        let is_last = position + 1 == self.action_receipt.actions().len();
        let receivers = if is_last { self.action_receipt.output_data_receivers() } else { &[] };
        let action_hash = create_action_hash_from_receipt_id(self.receipt.receipt_id(), self.block.height, position);
        let context = VMContext {
            signer_account_id: self.action_receipt.signer_id().clone(),
            signer_account_pk: borsh::to_vec(self.action_receipt.signer_public_key())
                .map_err(|error| RuntimeError::Inconsistent(error.to_string()))?,
            predecessor_account_id: self.receipt.predecessor_id().clone(),
            refund_to_account_id: self.receipt.balance_refund_receiver().clone(),
            input: Rc::from(call.args.as_slice()),
            promise_results: Arc::clone(&self.promise_results),
            attached_deposit: call.deposit,
            prepaid_gas: call.gas,
            random_seed: create_random_seed(action_hash, self.block.random_value),
            output_data_receivers: receivers.iter().map(|receiver| receiver.receiver_id.clone()).collect(),
            ..call_context(self.block, self.account_id(), &account)
        };
        let (outcome, mut promises) =
            self.runtime.run_contract(self.state, &context, action_hash, &call.method_name)?;
        let unused = call.gas.saturating_sub(outcome.used_gas);
        let distributed = promises.distribute_gas(unused)?;

        let result = &mut self.result;
        result.gas_burnt = result.gas_burnt.checked_add_result(outcome.burnt_gas)?;
        result.gas_used = result.gas_used.checked_add_result(outcome.used_gas)?.checked_add_result(distributed)?;
        result.compute = result.compute.saturating_add(outcome.compute_usage);
        result.logs.extend(outcome.logs);
        result.profile.merge(&outcome.profile);
        if let Some(error) = outcome.aborted {
            return Err(ActionErrorKind::FunctionCallError(function_call_error(error)).into());
        }
        result.subsidised = fees::add(result.subsidised, outcome.subsidized_amount)?;
        // The returned promise is counted within this action; the receipt may have sent others before.
        let earlier = u64::try_from(result.new_receipts.len()).map_err(|_| RuntimeError::Overflow)?;
        result.returned = match outcome.return_data {
            ReturnData::ReceiptIndex(index) => ReturnData::ReceiptIndex(index + earlier),
            returned => returned,
        };
        let account = self.existing_account()?;
        account.set_amount(outcome.balance);
        account.set_storage_usage(outcome.storage_usage);
        self.send_promises(promises)?;
        Ok(())
    }

    fn send_promises(&mut self, promises: Promises) -> Result<(), StateError> {
        let account_id = self.account_id();
        let timeout = self.runtime.config.wasm_config.limit_config.yield_timeout_length_in_blocks;
        let send = |receiver_id: AccountId, receipt: ReceiptEnum| {
            let predecessor_id = account_id.clone();
            Receipt::V0(ReceiptV0 { predecessor_id, receiver_id, receipt_id: CryptoHash::default(), receipt })
        };
        for promise in promises.receipts {
            if promise.is_yield
                && let Some(data_id) = promise.input_data_ids.first()
            {
                yields::queue_timeout(self.state, account_id, *data_id, self.block.height + timeout)?;
            }
            let action_receipt = ActionReceiptV2 {
                signer_id: self.action_receipt.signer_id().clone(),
                refund_to: promise.refund_to,
                signer_public_key: self.action_receipt.signer_public_key().clone(),
                gas_price: self.action_receipt.gas_price(),
                output_data_receivers: promise.output_data_receivers,
                input_data_ids: promise.input_data_ids,
                actions: promise.actions,
            };
            let contents = if promise.is_yield {
                ReceiptEnum::PromiseYieldV2(action_receipt)
            } else {
                ReceiptEnum::ActionV2(action_receipt)
            };
            self.result.new_receipts.push(send(promise.receiver_id, contents));
        }
        for (data_id, data) in promises.resumes {
            let contents = ReceiptEnum::PromiseResume(DataReceipt { data_id, data: Some(data) });
            self.result.new_receipts.push(send(account_id.clone(), contents));
        }
        Ok(())
    }
}

impl Runtime {
    /// Runs a method; returns the receipts as well that it wants to send.
    pub(super) fn run_contract(
        &self,
        state: &mut StateUpdate,
        context: &VMContext,
        action_hash: CryptoHash,
        method_name: &str,
    ) -> Result<(VMOutcome, Promises), RuntimeError> {
        let code = AccountCode::find(&context.current_account_id, &context.account_contract, state);
        let wasm_config = &self.config.wasm_config;
        let gas_counter = context.make_gas_counter(wasm_config);
        let cache = Some(&*self.cache);
        let prepared = near_vm_runner::prepare(&code, Arc::clone(wasm_config), cache, gas_counter, method_name);
        let mut external = RuntimeExternal {
            runtime: self,
            state,
            account_id: &context.current_account_id,
            height: context.block_height,
            is_view: context.is_view(),
            action_hash,
            data_count: 0,
            promises: Promises::default(),
        };
        let outcome = match near_vm_runner::run(prepared, &mut external, context, Arc::clone(&self.config.fees)) {
            Ok(outcome) => outcome,
            Err(VMRunnerError::ContractCodeNotPresent) => {
                let account_id = context.current_account_id.as_str().into();
                VMOutcome::nop_outcome(FunctionCallError::CompilationError(CompilationError::CodeDoesNotExist {
                    account_id,
                }))
            }
            Err(VMRunnerError::LoadingError(msg)) => VMOutcome::nop_outcome(FunctionCallError::LoadingError { msg }),
            Err(error) => return Err(RuntimeError::VirtualMachine(error.to_string())),
        };
        Ok((outcome, external.promises))
    }
}
