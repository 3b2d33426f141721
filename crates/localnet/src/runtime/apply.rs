//! Running one action receipt: all its actions or none (nearcore `lib.rs`, `apply_action_receipt`).

use near_parameters::ActionCosts;
use near_primitives::{
    account::{Account, AccountContract},
    action::Action,
    errors::{ActionError, ActionErrorKind, TxExecutionError},
    hash::CryptoHash,
    profile_data_v3::ProfileDataV3,
    receipt::{
        DataReceipt, Receipt, ReceiptEnum, ReceiptV0, ReceivedData, VersionedActionReceipt, VersionedReceiptEnum,
    },
    transaction::{ExecutionMetadata, ExecutionMetadataV4, ExecutionOutcome, ExecutionOutcomeWithId, ExecutionStatus},
    trie_key::TrieKey,
    types::{AccountId, Balance, Gas, StateChangeCause, validator_stake::ValidatorStake},
    utils::{create_action_hash_from_receipt_id, create_receipt_id_from_receipt_id},
};
use near_vm_runner::logic::ReturnData;

use super::{BlockContext, Runtime, RuntimeError, fees, refunds::Usage, storage_stake, validate};
use crate::state::StateUpdate;

/// What a receipt did.
pub struct AppliedReceipt {
    /// Its outcome.
    pub outcome: ExecutionOutcomeWithId,
    /// Receipts it sends, in order.
    pub new_receipts: Vec<Receipt>,
    /// Compute it used.
    pub compute: u64,
    /// yoctoNEAR that came into or went out of existence besides those burnt in the outcome.
    pub supply: SupplyChange,
    /// Stakes it asked for.
    pub proposals: Vec<ValidatorStake>,
}

/// Changes of the supply that no outcome shows.
#[derive(Default)]
pub struct SupplyChange {
    /// A refund that found nobody.
    pub lost: Balance,
    /// The yoctoNEAR that a contract without balance may attach to a call.
    pub minted: Balance,
}

/// The result of one receipt's input, by data id order: bytes, or `None` if that receipt failed.
pub type PromiseResults = Vec<Option<Vec<u8>>>;

/// The state of a receipt between its actions.
pub struct ActionContext<'a> {
    /// The block.
    pub block: &'a BlockContext,
    /// The receipt.
    pub receipt: &'a Receipt,
    /// Its contents.
    pub action_receipt: &'a VersionedActionReceipt<'a>,
    /// Results it waited for.
    pub promise_results: &'a PromiseResults,
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
    /// Tokens burnt besides gas.
    pub tokens_burnt: Balance,
    /// Tokens the protocol gave for one-yocto deposits.
    pub subsidised: Balance,
    /// Stakes asked for.
    pub proposals: Vec<ValidatorStake>,
}

impl ActionContext<'_> {
    /// The receiver of the receipt, on which actions run.
    pub fn account_id(&self) -> &AccountId {
        self.receipt.receiver_id()
    }

    /// The receiver's account, which an earlier check saw to exist.
    pub fn existing_account(&mut self) -> Result<&mut Account, RuntimeError> {
        let account_id = self.receipt.receiver_id();
        self.account.as_mut().ok_or_else(|| RuntimeError::Inconsistent(format!("account {account_id} vanished")))
    }

    /// Whether this receipt is a refund made by the protocol.
    pub fn is_refund(&self) -> bool {
        self.receipt.predecessor_id().is_system()
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

        let base = self.config.fees.fee(ActionCosts::new_action_receipt).exec_fee();
        let mut ctx = ActionContext {
            block,
            receipt,
            action_receipt: &action_receipt,
            promise_results: &promise_results,
            account: state.account(account_id)?,
            actor_id: receipt.predecessor_id().clone(),
            result: ActionResult {
                gas_burnt: base.gas,
                gas_used: base.gas,
                compute: base.compute,
                logs: Vec::new(),
                new_receipts: Vec::new(),
                returned: ReturnData::None,
                profile: near_vm_runner::ProfileDataV3::new(),
                tokens_burnt: Balance::ZERO,
                subsidised: Balance::ZERO,
                proposals: Vec::new(),
            },
        };
        let existed = ctx.account.is_some();
        let mut contracts = Vec::with_capacity(action_receipt.actions().len());
        let failure = self.run_actions(state, &mut ctx, &mut contracts)?;
        let failure = match failure {
            None => self.check_receiver(state, &ctx)?,
            failure => failure,
        };
        let created_account = failure.is_none() && !existed && ctx.account.is_some();
        let is_refund = ctx.is_refund();
        let ActionResult {
            gas_burnt, gas_used, compute, logs, mut new_receipts, returned, profile, mut proposals, ..
        } = ctx.result;
        let mut tokens_burnt = Balance::ZERO;
        let mut supply = SupplyChange::default();
        if failure.is_some() {
            new_receipts.clear();
            proposals.clear();
        } else {
            tokens_burnt = ctx.result.tokens_burnt;
            supply.minted = ctx.result.subsidised;
        }
        if is_refund {
            if failure.is_some() {
                supply.lost = fees::total_deposit(action_receipt.actions())?;
            }
        } else {
            let usage = Usage { success: failure.is_none(), gas_burnt, gas_used, created_account };
            let refunds = self.refund(block.gas_price, receipt, &action_receipt, &usage)?;
            new_receipts.extend(refunds.receipts);
            tokens_burnt = fees::add(tokens_burnt, refunds.tokens_burnt)?;
        }
        match failure {
            None => state.commit(StateChangeCause::ReceiptProcessing { receipt_hash }),
            Some(_) => state.rollback(),
        }
        send_result(&mut new_receipts, receipt, &action_receipt, failure.is_none(), &returned)?;
        for (index, new_receipt) in new_receipts.iter_mut().enumerate() {
            new_receipt.set_receipt_id(create_receipt_id_from_receipt_id(&receipt_hash, block.height, index));
        }
        let status = status(failure, returned, &new_receipts);
        let outcome = ExecutionOutcome {
            logs,
            receipt_ids: new_receipts.iter().filter(|new| is_action(new)).map(|new| *new.receipt_id()).collect(),
            // A refund burns gas like any other receipt, but nobody pays for it.
            gas_burnt,
            compute_usage: Some(compute),
            tokens_burnt,
            executor_id: account_id.clone(),
            status,
            metadata: ExecutionMetadata::V4(Box::new(ExecutionMetadataV4 {
                profile: ProfileDataV3 {
                    actions_profile: profile.actions_profile,
                    wasm_ext_profile: profile.wasm_ext_profile,
                    wasm_gas: profile.wasm_gas,
                },
                contracts,
            })),
        };
        let outcome = ExecutionOutcomeWithId { id: receipt_hash, outcome };
        Ok(AppliedReceipt { outcome, new_receipts, compute, supply, proposals })
    }

    fn run_actions(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        contracts: &mut Vec<AccountContract>,
    ) -> Result<Option<ActionError>, RuntimeError> {
        let actions = ctx.action_receipt.actions();
        for (position, action) in actions.iter().enumerate() {
            contracts
                .push(ctx.account.as_ref().map_or(AccountContract::None, |account| account.contract().into_owned()));
            let fee = fees::exec_fee(&self.config, action, ctx.account_id())?;
            ctx.result.gas_burnt = ctx.result.gas_burnt.checked_add_result(fee.gas)?;
            ctx.result.gas_used = ctx.result.gas_used.checked_add_result(fee.gas)?;
            ctx.result.compute = ctx.result.compute.saturating_add(fee.compute);
            ctx.result.returned = ReturnData::None;
            let action_hash = create_action_hash_from_receipt_id(ctx.receipt.receipt_id(), ctx.block.height, position);
            let is_last = position + 1 == actions.len();
            let first_new = ctx.result.new_receipts.len();
            let mut outcome = self.apply_action(state, ctx, action, action_hash, is_last)?;
            let limits = &self.config.wasm_config.limit_config;
            if outcome.is_ok() {
                outcome = ctx.result.new_receipts[first_new..]
                    .iter()
                    .try_for_each(|new| validate::new_receipt(limits, new))
                    .map_err(ActionErrorKind::NewReceiptValidationError);
            }
            let proof_limit = limits.per_receipt_storage_proof_size_limit;
            if outcome.is_ok() && state.receipt_proof_size(proof_limit) > proof_limit {
                let limit = u64::try_from(proof_limit).map_err(|_| RuntimeError::Overflow)?;
                outcome = Err(ActionErrorKind::ReceiptStorageProofSizeExceeded { limit });
            }
            if let Err(kind) = outcome {
                let index = u64::try_from(position).ok();
                return Ok(Some(ActionError { index, kind }));
            }
        }
        Ok(None)
    }

    /// After all actions: the receiver must still pay for its storage. Writes its account.
    fn check_receiver(
        &self,
        state: &mut StateUpdate,
        ctx: &ActionContext<'_>,
    ) -> Result<Option<ActionError>, RuntimeError> {
        let Some(account) = &ctx.account else { return Ok(None) };
        if let Some(amount) = storage_stake::lacking(&self.config, account, account.amount())? {
            let account_id = ctx.account_id().clone();
            let kind = ActionErrorKind::LackBalanceForState { account_id, amount };
            return Ok(Some(ActionError { index: None, kind }));
        }
        state.set_account(ctx.account_id(), account)?;
        Ok(None)
    }

    fn apply_action(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        action: &Action,
        action_hash: CryptoHash,
        is_last: bool,
    ) -> Result<Result<(), ActionErrorKind>, RuntimeError> {
        if let Err(kind) = self.check_account_and_actor(ctx, action) {
            return Ok(Err(kind));
        }
        match action {
            Action::CreateAccount(_) => Ok(self.create_account(ctx)),
            Action::Transfer(transfer) => self.transfer(state, ctx, transfer.deposit),
            Action::DeployContract(deploy) => self.deploy_contract(state, ctx, &deploy.code),
            Action::FunctionCall(call) => self.function_call(state, ctx, call, action_hash, is_last),
            Action::Stake(stake) => self.stake(ctx, stake),
            Action::AddKey(add) => self.add_key(state, ctx, add),
            Action::DeleteKey(delete) => self.delete_key(state, ctx, &delete.public_key),
            Action::DeleteAccount(delete) => self.delete_account(state, ctx, &delete.beneficiary_id),
            Action::Delegate(signed) => self.delegate(state, ctx, signed),
            Action::DeployGlobalContract(deploy) => self.deploy_global_contract(state, ctx, deploy),
            Action::UseGlobalContract(reference) => {
                self.use_global_contract(state, ctx, &reference.contract_identifier)
            }
            Action::DeterministicStateInit(init) => self.deterministic_state_init(state, ctx, init),
            Action::TransferToGasKey(transfer) => self.transfer_to_gas_key(state, ctx, transfer),
            Action::WithdrawFromGasKey(withdraw) => self.withdraw_from_gas_key(state, ctx, withdraw),
            Action::UniversalStateInit(init) => self.universal_state_init(state, ctx, init),
            Action::DelegateV2(_) => {
                Err(RuntimeError::Inconsistent("validation let an unsupported action through".to_owned()))
            }
        }
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
) -> Result<PromiseResults, RuntimeError> {
    data_ids
        .iter()
        .map(|data_id| {
            let key = TrieKey::ReceivedData { receiver_id: receiver_id.clone(), data_id: *data_id };
            let received: ReceivedData = state
                .read(key.clone())?
                .ok_or_else(|| RuntimeError::Inconsistent(format!("data {data_id} is not stored")))?;
            state.remove(key);
            Ok(received.data)
        })
        .collect()
}

/// Passes the result on to whoever waits for it: as data, or by handing the wait to a returned promise.
fn send_result(
    new_receipts: &mut Vec<Receipt>,
    receipt: &Receipt,
    action_receipt: &VersionedActionReceipt<'_>,
    success: bool,
    returned: &ReturnData,
) -> Result<(), RuntimeError> {
    let receivers = action_receipt.output_data_receivers();
    if receivers.is_empty() {
        return Ok(());
    }
    if success && let ReturnData::ReceiptIndex(index) = returned {
        let target = usize::try_from(*index).ok().and_then(|index| new_receipts.get_mut(index));
        return match target.map(Receipt::receipt_mut) {
            Some(ReceiptEnum::Action(target) | ReceiptEnum::PromiseYield(target)) => {
                target.output_data_receivers.extend_from_slice(receivers);
                Ok(())
            }
            Some(ReceiptEnum::ActionV2(target) | ReceiptEnum::PromiseYieldV2(target)) => {
                target.output_data_receivers.extend_from_slice(receivers);
                Ok(())
            }
            _ => Err(RuntimeError::Inconsistent("a call returned a promise it did not create".to_owned())),
        };
    }
    let data = match returned {
        _ if !success => None,
        ReturnData::Value(value) => Some(value.clone()),
        ReturnData::None | ReturnData::ReceiptIndex(_) => Some(Vec::new()),
    };
    new_receipts.extend(receivers.iter().map(|receiver| {
        Receipt::V0(ReceiptV0 {
            predecessor_id: receipt.receiver_id().clone(),
            receiver_id: receiver.receiver_id.clone(),
            receipt_id: CryptoHash::default(),
            receipt: ReceiptEnum::Data(DataReceipt { data_id: receiver.data_id, data: data.clone() }),
        })
    }));
    Ok(())
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
