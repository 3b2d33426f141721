//! Running a contract method (nearcore `function_call.rs`).

use std::{rc::Rc, sync::Arc};

use near_primitives::{
    account::{Account, AccountContract},
    action::{FunctionCallAction, GlobalContractIdentifier},
    config::ViewConfig,
    errors::ActionErrorKind,
    hash::CryptoHash,
    receipt::{ActionReceiptV2, DataReceipt, Receipt, ReceiptEnum, ReceiptV0},
    trie_key::TrieKey,
    types::{AccountId, Balance, Gas},
    utils::create_random_seed,
};
use near_vm_runner::{
    Contract, ContractCode,
    logic::{
        GasCounter, ReturnData, VMContext, VMOutcome,
        errors::{CompilationError, FunctionCallError, VMRunnerError},
        types::PromiseResult,
    },
};

use super::{
    Runtime, RuntimeError,
    apply::{ActionContext, PromiseResults},
    context::BlockContext,
    errors::function_call_error,
    external::RuntimeExternal,
    promises::Promises,
    yields,
};
use crate::state::{Snapshot, StateUpdate, Value};

/// The contract of one account, whose code is only read if it has not been compiled before.
pub(super) struct AccountCode {
    hash: CryptoHash,
    code: Option<Value>,
}

impl AccountCode {
    /// Finds an account's code through `read`. Accounts without a contract get an empty one.
    fn find(account_id: &AccountId, account: &Account, read: impl Fn(&TrieKey) -> Option<Value>) -> AccountCode {
        let global =
            |identifier: GlobalContractIdentifier| read(&TrieKey::GlobalContractCode { identifier: identifier.into() });
        match account.contract().into_owned() {
            AccountContract::None => Self { hash: CryptoHash::default(), code: None },
            AccountContract::Local(hash) => {
                Self { hash, code: read(&TrieKey::ContractCode { account_id: account_id.clone() }) }
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

/// Everything a call knows besides the state.
pub(super) struct CallContext<'a> {
    pub block: &'a BlockContext,
    pub account_id: &'a AccountId,
    pub account: &'a Account,
    pub signer_id: &'a AccountId,
    pub signer_public_key: Vec<u8>,
    pub predecessor_id: &'a AccountId,
    pub refund_to: &'a AccountId,
    pub promise_results: &'a PromiseResults,
    pub output_data_receivers: Vec<AccountId>,
    pub method_name: &'a str,
    pub args: &'a [u8],
    pub gas: Gas,
    pub deposit: Balance,
    pub action_hash: CryptoHash,
    pub view: Option<ViewConfig>,
}

impl Runtime {
    pub(super) fn function_call(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        call: &FunctionCallAction,
        action_hash: CryptoHash,
        is_last: bool,
    ) -> Result<Result<(), ActionErrorKind>, RuntimeError> {
        let account = ctx.existing_account()?.clone();
        account.amount().checked_add(call.deposit).ok_or(RuntimeError::Overflow)?;
        let account_id = ctx.account_id().clone();
        let receivers = if is_last { ctx.action_receipt.output_data_receivers() } else { &[] };
        let signer_public_key = borsh::to_vec(ctx.action_receipt.signer_public_key())
            .map_err(|error| RuntimeError::Inconsistent(error.to_string()))?;
        let call_context = CallContext {
            block: ctx.block,
            account_id: &account_id,
            account: &account,
            signer_id: ctx.action_receipt.signer_id(),
            signer_public_key,
            predecessor_id: ctx.receipt.predecessor_id(),
            refund_to: ctx.receipt.balance_refund_receiver(),
            promise_results: ctx.promise_results,
            output_data_receivers: receivers.iter().map(|receiver| receiver.receiver_id.clone()).collect(),
            method_name: &call.method_name,
            args: &call.args,
            gas: call.gas,
            deposit: call.deposit,
            action_hash,
            view: None,
        };
        let (outcome, mut promises) = self.run_contract(state, &call_context)?;
        let unused = call.gas.saturating_sub(outcome.used_gas);
        let distributed = promises.distribute_gas(unused)?;

        let result = &mut ctx.result;
        result.gas_burnt = result.gas_burnt.checked_add_result(outcome.burnt_gas)?;
        result.gas_used = result.gas_used.checked_add_result(outcome.used_gas)?.checked_add_result(distributed)?;
        result.compute = result.compute.saturating_add(outcome.compute_usage);
        result.logs.extend(outcome.logs);
        result.profile.merge(&outcome.profile);
        if let Some(error) = outcome.aborted {
            return Ok(Err(ActionErrorKind::FunctionCallError(function_call_error(error))));
        }
        ctx.result.subsidised =
            ctx.result.subsidised.checked_add(outcome.subsidized_amount).ok_or(RuntimeError::Overflow)?;
        let account = ctx.existing_account()?;
        account.set_amount(outcome.balance);
        account.set_storage_usage(outcome.storage_usage);
        // The returned promise is counted within this action; the receipt may have sent others before.
        let earlier = u64::try_from(ctx.result.new_receipts.len()).map_err(|_| RuntimeError::Overflow)?;
        ctx.result.returned = match outcome.return_data {
            ReturnData::ReceiptIndex(index) => ReturnData::ReceiptIndex(index + earlier),
            returned => returned,
        };
        self.send_promises(state, ctx, promises)?;
        Ok(Ok(()))
    }

    /// Runs a method on a snapshot without a way to change anything.
    pub(super) fn run_view(&self, snapshot: &Snapshot, context: &CallContext<'_>) -> Result<VMOutcome, RuntimeError> {
        let mut state = StateUpdate::new(snapshot.clone());
        Ok(self.run_contract(&mut state, context)?.0)
    }

    fn run_contract(
        &self,
        state: &mut StateUpdate,
        context: &CallContext<'_>,
    ) -> Result<(VMOutcome, Promises), RuntimeError> {
        let code = AccountCode::find(context.account_id, context.account, |key| state.get(key));
        let wasm_config = &self.config.wasm_config;
        let max_gas_burnt =
            context.view.as_ref().map_or(wasm_config.limit_config.max_gas_burnt, |view| view.max_gas_burnt);
        let gas_counter = GasCounter::new(
            wasm_config.ext_costs.clone(),
            max_gas_burnt,
            wasm_config.regular_op_cost,
            context.gas,
            context.view.is_some(),
        );
        let cache = Some(&*self.cache);
        let prepared = near_vm_runner::prepare(&code, Arc::clone(wasm_config), cache, gas_counter, context.method_name);
        let mut external = RuntimeExternal::new(
            state,
            context.account_id,
            context.action_hash,
            context.block.height,
            &self.chain_id,
            &self.validators,
            context.view.is_none().then_some(wasm_config.limit_config.per_receipt_storage_proof_size_limit),
        );
        let vm_context = vm_context(context);
        let fees = Arc::clone(&self.config.fees);
        let outcome = match near_vm_runner::run(prepared, &mut external, &vm_context, fees) {
            Ok(outcome) => outcome,
            Err(VMRunnerError::ContractCodeNotPresent) => {
                let account_id = context.account_id.as_str().into();
                VMOutcome::nop_outcome(FunctionCallError::CompilationError(CompilationError::CodeDoesNotExist {
                    account_id,
                }))
            }
            Err(VMRunnerError::LoadingError(msg)) => VMOutcome::nop_outcome(FunctionCallError::LoadingError { msg }),
            Err(error) => return Err(RuntimeError::VirtualMachine(error.to_string())),
        };
        Ok((outcome, external.promises))
    }

    fn send_promises(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        promises: Promises,
    ) -> Result<(), RuntimeError> {
        let account_id = ctx.account_id().clone();
        let timeout = self.config.wasm_config.limit_config.yield_timeout_length_in_blocks;
        let send = |receiver_id: AccountId, receipt: ReceiptEnum| {
            let predecessor_id = account_id.clone();
            Receipt::V0(ReceiptV0 { predecessor_id, receiver_id, receipt_id: CryptoHash::default(), receipt })
        };
        for promise in promises.receipts {
            if promise.is_yield
                && let Some(data_id) = promise.input_data_ids.first()
            {
                yields::queue_timeout(state, &account_id, *data_id, ctx.block.height + timeout)?;
            }
            let action_receipt = ActionReceiptV2 {
                signer_id: ctx.action_receipt.signer_id().clone(),
                refund_to: promise.refund_to,
                signer_public_key: ctx.action_receipt.signer_public_key().clone(),
                gas_price: ctx.action_receipt.gas_price(),
                output_data_receivers: promise.output_data_receivers,
                input_data_ids: promise.input_data_ids,
                actions: promise.actions,
            };
            let contents = if promise.is_yield {
                ReceiptEnum::PromiseYieldV2(action_receipt)
            } else {
                ReceiptEnum::ActionV2(action_receipt)
            };
            ctx.result.new_receipts.push(send(promise.receiver_id, contents));
        }
        for (data_id, data) in promises.resumes {
            let contents = ReceiptEnum::PromiseResume(DataReceipt { data_id, data: Some(data) });
            ctx.result.new_receipts.push(send(account_id.clone(), contents));
        }
        Ok(())
    }
}

fn vm_context(context: &CallContext<'_>) -> VMContext {
    let promise_results = context
        .promise_results
        .iter()
        .map(|result| match result {
            Some(data) => PromiseResult::Successful(Rc::from(data.as_slice())),
            None => PromiseResult::Failed,
        })
        .collect();
    VMContext {
        current_account_id: context.account_id.clone(),
        signer_account_id: context.signer_id.clone(),
        signer_account_pk: context.signer_public_key.clone(),
        predecessor_account_id: context.predecessor_id.clone(),
        refund_to_account_id: context.refund_to.clone(),
        input: Rc::from(context.args),
        promise_results,
        block_height: context.block.height,
        block_timestamp: context.block.timestamp,
        epoch_height: context.block.epoch_height,
        account_balance: context.account.amount(),
        account_locked_balance: context.account.locked(),
        storage_usage: context.account.storage_usage(),
        account_contract: context.account.contract().into_owned(),
        attached_deposit: context.deposit,
        prepaid_gas: context.gas,
        random_seed: create_random_seed(context.action_hash, context.block.random_value),
        view_config: context.view.clone(),
        output_data_receivers: context.output_data_receivers.clone(),
    }
}
