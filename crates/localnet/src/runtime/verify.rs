//! Whether a transaction may run, and what it takes from its signer (nearcore `verifier.rs`, `gas_keys.rs`).

use near_primitives::{
    account::{AccessKey, AccessKeyPermission, Account, FunctionCallPermission},
    action::Action,
    errors::{DepositCostFailureReason, InvalidAccessKeyError, InvalidTxError, StorageError},
    transaction::{NonceMode, SignedTransaction, Transaction, ValidatedTransaction},
    types::{AccountId, Balance, BlockHeight, Nonce, NonceIndex},
    version::PROTOCOL_VERSION,
};

use super::{Runtime, fees, fees::TransactionCost, storage_stake, validate};
use crate::state::{StateError, StateUpdate};

/// The signer's records after the transaction has been paid for, not yet written.
pub struct Charged {
    /// What was paid.
    pub cost: TransactionCost,
    account: Account,
    /// `None` if the signer has no key yet: a universal account that signs its own state init.
    access_key: Option<AccessKey>,
    gas_key_lane: Option<(NonceIndex, Nonce)>,
}

impl Charged {
    /// Writes the signer's account and key.
    pub fn write(&self, state: &mut StateUpdate, tx: &Transaction) -> Result<(), StateError> {
        state.set_account(tx.signer_id(), &self.account)?;
        if let Some(access_key) = &self.access_key {
            state.set_access_key(tx.signer_id(), tx.public_key(), access_key)?;
        }
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

    /// Checks nonce, key and balance against `state` and computes the signer's new records. Without the height of a
    /// block nonces may be as large as they like.
    pub fn charge_transaction(
        &self,
        state: &StateUpdate,
        tx: &Transaction,
        gas_price: Balance,
        height: Option<BlockHeight>,
    ) -> Result<Charged, InvalidTxError> {
        let cost = fees::transaction_cost(&self.config, tx, gas_price).map_err(|_| InvalidTxError::CostOverflow)?;
        let signer_id = tx.signer_id();
        let account = state
            .account(signer_id)
            .map_err(inconsistent)?
            .ok_or_else(|| InvalidTxError::SignerDoesNotExist { signer_id: signer_id.clone() })?;
        match state.access_key(signer_id, tx.public_key()).map_err(inconsistent)? {
            Some(access_key) if access_key.gas_key_info().is_some() => {
                self.charge_gas_key(state, tx, height, cost, account, access_key)
            }
            Some(access_key) => self.charge_access_key(tx, height, cost, account, access_key),
            None if !account.is_initialized() && tx.is_state_init_bootstrap() => {
                self.charge_bootstrap(tx, height, cost, account)
            }
            None => Err(InvalidTxError::InvalidAccessKeyError(InvalidAccessKeyError::AccessKeyNotFound {
                account_id: signer_id.clone(),
                public_key: Box::new(tx.public_key().clone()),
            })),
        }
    }

    fn charge_access_key(
        &self,
        tx: &Transaction,
        height: Option<BlockHeight>,
        cost: TransactionCost,
        mut account: Account,
        mut access_key: AccessKey,
    ) -> Result<Charged, InvalidTxError> {
        if tx.nonce().nonce_index().is_some() {
            let tx_nonce_index = tx.nonce().nonce_index();
            return Err(InvalidTxError::InvalidNonceIndex { tx_nonce_index, num_nonces: 0 });
        }
        check_nonce(tx, tx.nonce_mode(), access_key.nonce, height)?;
        let total_cost = cost.total_cost;
        let left = spend(tx, &account, total_cost)?;
        if let AccessKeyPermission::FunctionCall(FunctionCallPermission { allowance: Some(allowance), .. }) =
            &mut access_key.permission
        {
            *allowance = allowance.checked_sub(total_cost).ok_or_else(|| {
                InvalidTxError::InvalidAccessKeyError(InvalidAccessKeyError::NotEnoughAllowance {
                    account_id: tx.signer_id().clone(),
                    public_key: Box::new(tx.public_key().clone()),
                    allowance: *allowance,
                    cost: total_cost,
                })
            })?;
        }
        self.check_storage_stake(tx.signer_id(), &account, left)?;
        check_permission(tx, &access_key)?;
        access_key.nonce = tx.nonce().nonce();
        account.set_amount(left);
        Ok(Charged { cost, account, access_key: Some(access_key), gas_key_lane: None })
    }

    /// A gas key pays for gas from its own balance; the account pays only deposits.
    fn charge_gas_key(
        &self,
        state: &StateUpdate,
        tx: &Transaction,
        height: Option<BlockHeight>,
        cost: TransactionCost,
        mut account: Account,
        mut access_key: AccessKey,
    ) -> Result<Charged, InvalidTxError> {
        let signer_id = tx.signer_id();
        let (num_nonces, key_balance) =
            access_key.gas_key_info().map_or((0, Balance::ZERO), |info| (info.num_nonces, info.balance));
        let tx_nonce_index = tx.nonce().nonce_index();
        let index = tx_nonce_index
            .filter(|index| *index < num_nonces)
            .ok_or(InvalidTxError::InvalidNonceIndex { tx_nonce_index, num_nonces })?;
        let nonce = state.gas_key_nonce(signer_id, tx.public_key(), index).map_err(inconsistent)?.unwrap_or(0);
        check_nonce(tx, tx.nonce_mode(), nonce, height)?;
        let key_left =
            key_balance.checked_sub(cost.gas_cost).ok_or_else(|| InvalidTxError::NotEnoughGasKeyBalance {
                signer_id: signer_id.clone(),
                balance: key_balance,
                cost: cost.gas_cost,
            })?;
        check_permission(tx, &access_key)?;
        let deposit_error = |balance, cost, reason| InvalidTxError::NotEnoughBalanceForDeposit {
            signer_id: signer_id.clone(),
            balance,
            cost,
            reason,
        };
        let balance = account.amount();
        let left = balance
            .checked_sub(cost.deposit_cost)
            .ok_or_else(|| deposit_error(balance, cost.deposit_cost, DepositCostFailureReason::NotEnoughBalance))?;
        if let Some(lacking) = self.lacking(&account, left)? {
            return Err(deposit_error(left, lacking, DepositCostFailureReason::LackBalanceForState));
        }
        if let Some(info) = access_key.gas_key_info_mut() {
            info.balance = key_left;
        }
        account.set_amount(left);
        let gas_key_lane = Some((index, tx.nonce().nonce()));
        Ok(Charged { cost, account, access_key: Some(access_key), gas_key_lane })
    }

    /// A universal account without keys may send the state init its id commits to, signed by a key that the
    /// state init names. Its nonce is the account's, always strict, so that the transaction works only once.
    fn charge_bootstrap(
        &self,
        tx: &Transaction,
        height: Option<BlockHeight>,
        cost: TransactionCost,
        mut account: Account,
    ) -> Result<Charged, InvalidTxError> {
        check_nonce(tx, NonceMode::Strict, account.bootstrap_nonce().unwrap_or(0), height)?;
        let left = spend(tx, &account, cost.total_cost)?;
        self.check_storage_stake(tx.signer_id(), &account, left)?;
        account.set_amount(left);
        account.set_bootstrap_nonce(tx.nonce().nonce()).map_err(inconsistent)?;
        Ok(Charged { cost, account, access_key: None, gas_key_lane: None })
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
        storage_stake::lacking(&self.config, account, left).map_err(inconsistent)
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

/// What is left of the signer's balance.
fn spend(tx: &Transaction, account: &Account, cost: Balance) -> Result<Balance, InvalidTxError> {
    let balance = account.amount();
    balance.checked_sub(cost).ok_or_else(|| InvalidTxError::NotEnoughBalance {
        signer_id: tx.signer_id().clone(),
        balance,
        cost,
    })
}

fn check_permission(tx: &Transaction, access_key: &AccessKey) -> Result<(), InvalidTxError> {
    match access_key.permission.function_call_permission() {
        Some(permission) => check_function_call_only(tx.actions(), tx.receiver_id(), permission)
            .map_err(InvalidTxError::InvalidAccessKeyError),
        None => Ok(()),
    }
}

fn check_nonce(
    tx: &Transaction,
    mode: NonceMode,
    ak_nonce: Nonce,
    height: Option<BlockHeight>,
) -> Result<(), InvalidTxError> {
    let tx_nonce = tx.nonce().nonce();
    let in_order = match mode {
        NonceMode::Monotonic => tx_nonce > ak_nonce,
        NonceMode::Strict => Some(tx_nonce) == ak_nonce.checked_add(1),
    };
    if !in_order {
        return Err(InvalidTxError::InvalidNonce { tx_nonce, ak_nonce });
    }
    match height.map(nonce_upper_bound) {
        Some(upper_bound) if tx_nonce >= upper_bound => Err(InvalidTxError::NonceTooLarge { tx_nonce, upper_bound }),
        _ => Ok(()),
    }
}

/// The node's own failure as an error of the transaction, which is how nearcore says it.
pub fn inconsistent(error: impl std::fmt::Display) -> InvalidTxError {
    InvalidTxError::StorageError(StorageError::StorageInconsistentState(error.to_string()))
}
