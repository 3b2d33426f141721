//! Whether a transaction may run, and what it takes from its signer (nearcore `verifier.rs`, `gas_keys.rs`).

use near_primitives::{
    account::{AccessKey, AccessKeyPermission, Account, FunctionCallPermission},
    action::Action,
    errors::{DepositCostFailureReason, InvalidAccessKeyError, InvalidTxError, StorageError},
    transaction::{NonceMode, SignedTransaction, Transaction, ValidatedTransaction},
    types::{AccountId, Balance, BlockHeight, Nonce, NonceIndex},
    version::PROTOCOL_VERSION,
};

use super::{Runtime, RuntimeError, fees, fees::TransactionCost, storage_stake, validate};
use crate::state::{StateError, StateUpdate};

/// The signer's records after the transaction has been paid for, not yet written.
pub struct Charged {
    /// What was paid.
    pub cost: TransactionCost,
    account: Account,
    access_key: AccessKey,
    gas_key_lane: Option<(NonceIndex, Nonce)>,
}

impl Charged {
    /// Writes the signer's account and key.
    pub fn write(&self, state: &mut StateUpdate, tx: &Transaction) -> Result<(), StateError> {
        state.set_account(tx.signer_id(), &self.account)?;
        state.set_access_key(tx.signer_id(), tx.public_key(), &self.access_key)?;
        if let Some((index, nonce)) = self.gas_key_lane {
            state.set_gas_key_nonce(tx.signer_id(), tx.public_key(), index, nonce)?;
        }
        Ok(())
    }
}

impl Runtime {
    /// Checks what needs no state: size, actions and signature.
    pub fn check_transaction(&self, tx: SignedTransaction) -> Result<ValidatedTransaction, InvalidTxError> {
        let limits = &self.config.wasm_config.limit_config;
        validate::actions(limits, tx.transaction.actions(), tx.transaction.receiver_id())
            .map_err(InvalidTxError::ActionsValidation)?;
        ValidatedTransaction::new(&self.config, tx, PROTOCOL_VERSION).map_err(|(error, _)| error)
    }

    /// Checks nonce, key and balance against `state` and computes the signer's new records.
    pub fn charge_transaction(
        &self,
        state: &StateUpdate,
        tx: &Transaction,
        gas_price: Balance,
        height: BlockHeight,
    ) -> Result<Charged, InvalidTxError> {
        let cost = fees::transaction_cost(&self.config, tx, gas_price).map_err(|_| InvalidTxError::CostOverflow)?;
        let signer_id = tx.signer_id();
        let account = state
            .account(signer_id)
            .map_err(stored)?
            .ok_or_else(|| InvalidTxError::SignerDoesNotExist { signer_id: signer_id.clone() })?;
        let access_key = state.access_key(signer_id, tx.public_key()).map_err(stored)?.ok_or_else(|| {
            InvalidTxError::InvalidAccessKeyError(InvalidAccessKeyError::AccessKeyNotFound {
                account_id: signer_id.clone(),
                public_key: Box::new(tx.public_key().clone()),
            })
        })?;
        let mut charged = Charged { cost, account, access_key, gas_key_lane: None };
        if charged.access_key.gas_key_info().is_some() {
            self.charge_gas_key(state, tx, height, &mut charged)?;
        } else {
            self.charge_access_key(tx, height, &mut charged)?;
        }
        if let Some(permission) = charged.access_key.permission.function_call_permission() {
            check_function_call_only(tx.actions(), tx.receiver_id(), permission)
                .map_err(InvalidTxError::InvalidAccessKeyError)?;
        }
        Ok(charged)
    }

    fn charge_access_key(
        &self,
        tx: &Transaction,
        height: BlockHeight,
        charged: &mut Charged,
    ) -> Result<(), InvalidTxError> {
        if tx.nonce().nonce_index().is_some() {
            let tx_nonce_index = tx.nonce().nonce_index();
            return Err(InvalidTxError::InvalidNonceIndex { tx_nonce_index, num_nonces: 0 });
        }
        check_nonce(tx, charged.access_key.nonce, height)?;
        let total_cost = charged.cost.total_cost;
        let signer_id = tx.signer_id();
        let balance = charged.account.amount();
        let left = balance.checked_sub(total_cost).ok_or_else(|| InvalidTxError::NotEnoughBalance {
            signer_id: signer_id.clone(),
            balance,
            cost: total_cost,
        })?;
        if let AccessKeyPermission::FunctionCall(FunctionCallPermission { allowance: Some(allowance), .. }) =
            &mut charged.access_key.permission
        {
            *allowance = allowance.checked_sub(total_cost).ok_or_else(|| {
                InvalidTxError::InvalidAccessKeyError(InvalidAccessKeyError::NotEnoughAllowance {
                    account_id: signer_id.clone(),
                    public_key: Box::new(tx.public_key().clone()),
                    allowance: *allowance,
                    cost: total_cost,
                })
            })?;
        }
        self.check_storage_stake(signer_id, &charged.account, left)?;
        charged.access_key.nonce = tx.nonce().nonce();
        charged.account.set_amount(left);
        Ok(())
    }

    /// A gas key pays for gas from its own balance; the account pays only deposits.
    fn charge_gas_key(
        &self,
        state: &StateUpdate,
        tx: &Transaction,
        height: BlockHeight,
        charged: &mut Charged,
    ) -> Result<(), InvalidTxError> {
        let signer_id = tx.signer_id();
        let (gas_cost, deposit_cost) = (charged.cost.gas_cost, charged.cost.deposit_cost);
        let Some(gas_key) = charged.access_key.gas_key_info_mut() else { return Ok(()) };
        let tx_nonce_index = tx.nonce().nonce_index();
        let index = tx_nonce_index
            .filter(|index| *index < gas_key.num_nonces)
            .ok_or(InvalidTxError::InvalidNonceIndex { tx_nonce_index, num_nonces: gas_key.num_nonces })?;
        let nonce = state.gas_key_nonce(signer_id, tx.public_key(), index).map_err(stored)?.unwrap_or(0);
        check_nonce(tx, nonce, height)?;
        gas_key.balance =
            gas_key.balance.checked_sub(gas_cost).ok_or_else(|| InvalidTxError::NotEnoughGasKeyBalance {
                signer_id: signer_id.clone(),
                balance: gas_key.balance,
                cost: gas_cost,
            })?;
        let balance = charged.account.amount();
        let deposit_error = |reason| InvalidTxError::NotEnoughBalanceForDeposit {
            signer_id: signer_id.clone(),
            balance,
            cost: deposit_cost,
            reason,
        };
        let left = balance
            .checked_sub(deposit_cost)
            .ok_or_else(|| deposit_error(DepositCostFailureReason::NotEnoughBalance))?;
        if deposit_cost > Balance::ZERO && self.lacking(&charged.account, left)?.is_some() {
            return Err(deposit_error(DepositCostFailureReason::LackBalanceForState));
        }
        charged.account.set_amount(left);
        charged.gas_key_lane = Some((index, tx.nonce().nonce()));
        Ok(())
    }

    fn check_storage_stake(
        &self,
        signer_id: &AccountId,
        account: &Account,
        left: Balance,
    ) -> Result<(), InvalidTxError> {
        match self.lacking(account, left)? {
            Some(amount) => Err(InvalidTxError::LackBalanceForState { signer_id: signer_id.clone(), amount }),
            None => Ok(()),
        }
    }

    fn lacking(&self, account: &Account, left: Balance) -> Result<Option<Balance>, InvalidTxError> {
        storage_stake::lacking(&self.config, account, left).map_err(|error: RuntimeError| {
            InvalidTxError::StorageError(StorageError::StorageInconsistentState(error.to_string()))
        })
    }
}

/// Whether a function-call key may send these actions to this receiver.
pub fn check_function_call_only(
    actions: &[Action],
    receiver_id: &AccountId,
    permission: &FunctionCallPermission,
) -> Result<(), InvalidAccessKeyError> {
    let [Action::FunctionCall(call)] = actions else {
        return Err(InvalidAccessKeyError::RequiresFullAccess);
    };
    if call.deposit > Balance::ZERO {
        return Err(InvalidAccessKeyError::DepositWithFunctionCall);
    }
    if *receiver_id != permission.receiver_id {
        return Err(InvalidAccessKeyError::ReceiverMismatch {
            tx_receiver: receiver_id.clone(),
            ak_receiver: permission.receiver_id.clone(),
        });
    }
    if !permission.method_names.is_empty() && !permission.method_names.contains(&call.method_name) {
        let method_name = call.method_name.clone();
        return Err(InvalidAccessKeyError::MethodNameMismatch { method_name });
    }
    Ok(())
}

/// The exclusive upper bound of nonces in a block, which keeps a re-created key from replaying old ones.
pub fn nonce_upper_bound(height: BlockHeight) -> Nonce {
    height.saturating_mul(AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER)
}

fn check_nonce(tx: &Transaction, ak_nonce: Nonce, height: BlockHeight) -> Result<(), InvalidTxError> {
    let tx_nonce = tx.nonce().nonce();
    let in_order = match tx.nonce_mode() {
        NonceMode::Monotonic => tx_nonce > ak_nonce,
        NonceMode::Strict => Some(tx_nonce) == ak_nonce.checked_add(1),
    };
    if !in_order {
        return Err(InvalidTxError::InvalidNonce { tx_nonce, ak_nonce });
    }
    let upper_bound = nonce_upper_bound(height);
    if tx_nonce >= upper_bound {
        return Err(InvalidTxError::NonceTooLarge { tx_nonce, upper_bound });
    }
    Ok(())
}

fn stored(error: StateError) -> InvalidTxError {
    InvalidTxError::StorageError(StorageError::StorageInconsistentState(error.to_string()))
}
