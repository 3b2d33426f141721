//! Running one action receipt: all its actions or none (nearcore `lib.rs`, `apply_action_receipt`).

use std::sync::Arc;

use near_parameters::{ActionCosts, ParameterCost};
use near_primitives::{
    account::{Account, AccountContract},
    action::Action,
    errors::{ActionError, ActionErrorKind, IntegerOverflowError, TxExecutionError},
    hash::CryptoHash,
    profile_data_v3::ProfileDataV3,
    receipt::{
        DataReceipt, Receipt, ReceiptEnum, ReceiptV0, ReceivedData, VersionedActionReceipt, VersionedReceiptEnum,
    },
    transaction::{ExecutionMetadata, ExecutionMetadataV4, ExecutionOutcome, ExecutionOutcomeWithId, ExecutionStatus},
    trie_key::TrieKey,
    types::{AccountId, Balance, Gas, StateChangeCause, validator_stake::ValidatorStake},
    utils::create_receipt_id_from_receipt_id,
};
use near_vm_runner::logic::{ReturnData, types::PromiseResult};

use super::{BlockContext, Runtime, RuntimeError, errors::ActionFailure, fees, storage_stake, validate};
use crate::state::StateUpdate;

/// What a receipt did.
pub struct AppliedReceipt {
    /// Its outcome.
    pub outcome: ExecutionOutcomeWithId,
    /// Receipts it sends, in order.
    pub new_receipts: Vec<Receipt>,
    /// yoctoNEAR of refunds whose receiver does not exist. No outcome shows them.
    pub lost: Balance,
    /// yoctoNEAR that a contract without balance may attach to a call, which no outcome shows either.
    pub minted: Balance,
    /// Stakes it asked for.
    pub proposals: Vec<ValidatorStake>,
}

/// A receipt between its actions, and what they act on.
pub struct ActionContext<'a> {
    /// The rules.
    pub runtime: &'a Runtime,
    /// The state.
    pub state: &'a mut StateUpdate,
    /// The block.
    pub block: &'a BlockContext,
    /// The receipt.
    pub receipt: &'a Receipt,
    /// Its contents.
    pub action_receipt: &'a VersionedActionReceipt<'a>,
    /// Results it waited for, by data id order.
    pub promise_results: Arc<[PromiseResult]>,
    /// The receiver's account, if it exists at this point.
    pub account: Option<Account>,
    /// On whose behalf the next action runs.
    pub actor_id: AccountId,
    /// The running totals.
    pub result: ActionResult,
}

/// What actions did so far.
pub struct ActionResult {
    /// Gas burnt.
    pub gas_burnt: Gas,
    /// Gas burnt or handed to new receipts.
    pub gas_used: Gas,
    /// Compute used.
    pub compute: u64,
    /// Log lines.
    pub logs: Vec<String>,
    /// New receipts without ids.
    pub new_receipts: Vec<Receipt>,
    /// What the last action returned.
    pub returned: ReturnData,
    /// Gas by host function.
    pub profile: near_vm_runner::ProfileDataV3,
    /// The account's contract before each action.
    pub contracts: Vec<AccountContract>,
    /// Tokens burnt besides gas.
    pub tokens_burnt: Balance,
    /// Tokens the protocol gave for one-yocto deposits.
    pub subsidised: Balance,
    /// Stakes asked for.
    pub proposals: Vec<ValidatorStake>,
}

impl ActionResult {
    /// That of a receipt whose own fee is all it has cost yet.
    fn new(receipt_fee: ParameterCost) -> Self {
        Self {
            gas_burnt: receipt_fee.gas,
            gas_used: receipt_fee.gas,
            compute: receipt_fee.compute,
            logs: Vec::new(),
            new_receipts: Vec::new(),
            returned: ReturnData::None,
            profile: near_vm_runner::ProfileDataV3::new(),
            contracts: Vec::new(),
            tokens_burnt: Balance::ZERO,
            subsidised: Balance::ZERO,
            proposals: Vec::new(),
        }
    }

    /// Counts a fee.
    pub fn burn(&mut self, fee: ParameterCost) -> Result<(), IntegerOverflowError> {
        self.gas_burnt = self.gas_burnt.checked_add_result(fee.gas)?;
        self.gas_used = self.gas_used.checked_add_result(fee.gas)?;
        self.compute = self.compute.saturating_add(fee.compute);
        Ok(())
    }
}

impl<'a> ActionContext<'a> {
    /// The receiver of the receipt, on which actions run.
    pub fn account_id(&self) -> &'a AccountId {
        self.receipt.receiver_id()
    }

    /// The receiver's account, which an earlier check saw to exist.
    pub fn existing_account(&mut self) -> Result<&mut Account, RuntimeError> {
        let account_id = self.receipt.receiver_id();
        self.account.as_mut().ok_or_else(|| RuntimeError::Inconsistent(format!("account {account_id} vanished")))
    }

    /// The contract of the receiver's account.
    pub fn contract(&self) -> AccountContract {
        self.account.as_ref().map_or(AccountContract::None, |account| account.contract().into_owned())
    }

    /// Whether this receipt is a refund made by the protocol.
    pub fn is_refund(&self) -> bool {
        self.receipt.predecessor_id().is_system()
    }

    fn run_actions(&mut self) -> Result<Option<ActionError>, RuntimeError> {
        for (position, action) in self.action_receipt.actions().iter().enumerate() {
            match self.run_action(position, action) {
                Ok(()) => {}
                Err(ActionFailure::Node(error)) => return Err(error),
                Err(ActionFailure::Receipt(kind)) => {
                    return Ok(Some(ActionError { index: u64::try_from(position).ok(), kind }));
                }
            }
        }
        Ok(None)
    }

    fn run_action(&mut self, position: usize, action: &Action) -> Result<(), ActionFailure> {
        self.result.contracts.push(self.contract());
        self.result.burn(fees::exec_fee(&self.runtime.config, action, self.account_id())?)?;
        self.result.returned = ReturnData::None;
        let first_new = self.result.new_receipts.len();
        self.check_existence(action)?;
        self.check_actor(action)?;
        self.apply_action(position, action)?;
        let limits = &self.runtime.config.wasm_config.limit_config;
        self.result.new_receipts[first_new..]
            .iter()
            .try_for_each(|new| validate::new_receipt(limits, new))
            .map_err(ActionErrorKind::NewReceiptValidationError)?;
        let proof_limit = limits.per_receipt_storage_proof_size_limit;
        if self.state.receipt_proof_size(proof_limit) > proof_limit {
            let limit = u64::try_from(proof_limit).map_err(|_| RuntimeError::Overflow)?;
            return Err(ActionErrorKind::ReceiptStorageProofSizeExceeded { limit }.into());
        }
        Ok(())
    }

    fn apply_action(&mut self, position: usize, action: &Action) -> Result<(), ActionFailure> {
        match action {
            Action::CreateAccount(_) => self.create_account(),
            Action::Transfer(transfer) => self.transfer(transfer.deposit),
            Action::DeployContract(deploy) => self.deploy_contract(&deploy.code),
            Action::FunctionCall(call) => self.function_call(call, position),
            Action::Stake(stake) => self.stake(stake),
            Action::AddKey(add) => self.add_key(add),
            Action::DeleteKey(delete) => self.delete_key(&delete.public_key),
            Action::DeleteAccount(delete) => self.delete_account(&delete.beneficiary_id),
            Action::Delegate(signed) => self.delegate(signed),
            Action::DeployGlobalContract(deploy) => self.deploy_global_contract(deploy),
            Action::UseGlobalContract(reference) => self.use_global_contract(&reference.contract_identifier),
            Action::DeterministicStateInit(init) => self.deterministic_state_init(init),
            Action::TransferToGasKey(transfer) => self.transfer_to_gas_key(transfer),
            Action::WithdrawFromGasKey(withdraw) => self.withdraw_from_gas_key(withdraw),
            Action::UniversalStateInit(init) => self.universal_state_init(init),
            Action::DelegateV2(_) => {
                Err(RuntimeError::Inconsistent("validation let an unsupported action through".to_owned()).into())
            }
        }
    }

    /// After all actions: the receiver must still pay for its storage. Writes its account.
    fn check_receiver(&mut self) -> Result<Option<ActionError>, RuntimeError> {
        let Some(account) = &self.account else { return Ok(None) };
        if let Some(amount) = storage_stake::lacking(&self.runtime.config, account, account.amount())? {
            let account_id = self.account_id().clone();
            let kind = ActionErrorKind::LackBalanceForState { account_id, amount };
            return Ok(Some(ActionError { index: None, kind }));
        }
        self.state.set_account(self.receipt.receiver_id(), account)?;
        Ok(None)
    }

    /// Sends the receipt's result to the receipts that wait for it. If the result is a promise, the promise's receipt gets
    /// those who wait instead.
    fn send_result(&mut self, success: bool) -> Result<(), RuntimeError> {
        let receivers = self.action_receipt.output_data_receivers();
        if receivers.is_empty() {
            return Ok(());
        }
        if success && let ReturnData::ReceiptIndex(index) = self.result.returned {
            let target = usize::try_from(index).ok().and_then(|index| self.result.new_receipts.get_mut(index));
            match target.map(Receipt::receipt_mut) {
                Some(ReceiptEnum::Action(target) | ReceiptEnum::PromiseYield(target)) => {
                    target.output_data_receivers.extend_from_slice(receivers);
                }
                Some(ReceiptEnum::ActionV2(target) | ReceiptEnum::PromiseYieldV2(target)) => {
                    target.output_data_receivers.extend_from_slice(receivers);
                }
                _ => return Err(RuntimeError::Inconsistent("a call returned a promise it did not create".to_owned())),
            }
            return Ok(());
        }
        let data = match &self.result.returned {
            _ if !success => None,
            ReturnData::Value(value) => Some(value.clone()),
            ReturnData::None | ReturnData::ReceiptIndex(_) => Some(Vec::new()),
        };
        self.result.new_receipts.extend(receivers.iter().map(|receiver| {
            Receipt::V0(ReceiptV0 {
                predecessor_id: self.receipt.receiver_id().clone(),
                receiver_id: receiver.receiver_id.clone(),
                receipt_id: CryptoHash::default(),
                receipt: ReceiptEnum::Data(DataReceipt { data_id: receiver.data_id, data: data.clone() }),
            })
        }));
        Ok(())
    }
}

impl Runtime {
    /// Runs a receipt whose inputs have all arrived.
    pub(super) fn apply_action_receipt(
        &self,
        state: &mut StateUpdate,
        block: &BlockContext,
        receipt: &Receipt,
    ) -> Result<AppliedReceipt, RuntimeError> {
        let (VersionedReceiptEnum::Action(action_receipt) | VersionedReceiptEnum::PromiseYield(action_receipt)) =
            receipt.versioned_receipt()
        else {
            return Err(RuntimeError::Inconsistent(format!("{} is no action receipt", receipt.receipt_id())));
        };
        let account_id = receipt.receiver_id();
        let receipt_hash = *receipt.receipt_id();
        state.start_receipt();
        let promise_results = take_inputs(state, account_id, action_receipt.input_data_ids())?;
        state.commit(StateChangeCause::ActionReceiptProcessingStarted { receipt_hash });

        let account = state.account(account_id)?;
        let existed = account.is_some();
        let mut context = ActionContext {
            runtime: self,
            state,
            block,
            receipt,
            action_receipt: &action_receipt,
            promise_results,
            account,
            actor_id: receipt.predecessor_id().clone(),
            result: ActionResult::new(self.config.fees.fee(ActionCosts::new_action_receipt).exec_fee()),
        };
        let failure = match context.run_actions()? {
            None => context.check_receiver()?,
            failure => failure,
        };
        let success = failure.is_none();
        if !success {
            context.result.new_receipts.clear();
            context.result.proposals.clear();
            context.result.tokens_burnt = Balance::ZERO;
            context.result.subsidised = Balance::ZERO;
        }
        let mut lost = Balance::ZERO;
        if !context.is_refund() {
            let created_account = success && !existed && context.account.is_some();
            context.refund(success, created_account)?;
        } else if !success {
            lost = fees::total_deposit(action_receipt.actions())?;
        }
        if success {
            context.state.commit(StateChangeCause::ReceiptProcessing { receipt_hash });
        } else {
            context.state.rollback();
        }
        context.send_result(success)?;
        let ActionResult { mut new_receipts, profile, .. } = context.result;
        for (index, new_receipt) in new_receipts.iter_mut().enumerate() {
            new_receipt.set_receipt_id(create_receipt_id_from_receipt_id(&receipt_hash, block.height, index));
        }
        let outcome = ExecutionOutcome {
            logs: context.result.logs,
            receipt_ids: new_receipts.iter().filter(|new| is_action(new)).map(|new| *new.receipt_id()).collect(),
            // A refund burns gas like any other receipt, but nobody pays for it.
            gas_burnt: context.result.gas_burnt,
            compute_usage: Some(context.result.compute),
            tokens_burnt: context.result.tokens_burnt,
            executor_id: account_id.clone(),
            status: status(failure, context.result.returned, &new_receipts),
            metadata: ExecutionMetadata::V4(Box::new(ExecutionMetadataV4 {
                profile: ProfileDataV3 {
                    actions_profile: profile.actions_profile,
                    wasm_ext_profile: profile.wasm_ext_profile,
                    wasm_gas: profile.wasm_gas,
                },
                contracts: context.result.contracts,
            })),
        };
        Ok(AppliedReceipt {
            outcome: ExecutionOutcomeWithId { id: receipt_hash, outcome },
            new_receipts,
            lost,
            minted: context.result.subsidised,
            proposals: context.result.proposals,
        })
    }
}

/// Whether a receipt shows up in the outcome that created it. Data receipts do not.
fn is_action(receipt: &Receipt) -> bool {
    matches!(
        receipt.versioned_receipt(),
        VersionedReceiptEnum::Action(_)
            | VersionedReceiptEnum::PromiseYield(_)
            | VersionedReceiptEnum::GlobalContractDistribution(_)
    )
}

fn take_inputs(
    state: &mut StateUpdate,
    receiver_id: &AccountId,
    data_ids: &[CryptoHash],
) -> Result<Arc<[PromiseResult]>, RuntimeError> {
    data_ids
        .iter()
        .map(|data_id| {
            let key = TrieKey::ReceivedData { receiver_id: receiver_id.clone(), data_id: *data_id };
            let received: ReceivedData =
                state.take(key)?.ok_or_else(|| RuntimeError::Inconsistent(format!("data {data_id} is not stored")))?;
            Ok(received.data.map_or(PromiseResult::Failed, |data| PromiseResult::Successful(data.into())))
        })
        .collect()
}

fn status(failure: Option<ActionError>, returned: ReturnData, new_receipts: &[Receipt]) -> ExecutionStatus {
    if let Some(error) = failure {
        return ExecutionStatus::Failure(TxExecutionError::ActionError(error));
    }
    match returned {
        ReturnData::Value(value) => ExecutionStatus::SuccessValue(value),
        ReturnData::None => ExecutionStatus::SuccessValue(Vec::new()),
        ReturnData::ReceiptIndex(index) => usize::try_from(index)
            .ok()
            .and_then(|index| new_receipts.get(index))
            .map_or(ExecutionStatus::Unknown, |new| ExecutionStatus::SuccessReceiptId(*new.receipt_id())),
    }
}
