//! Access keys and gas keys (nearcore `access_keys.rs`).

use near_crypto::PublicKey;
use near_primitives::{
    account::{AccessKey, GasKeyInfo},
    action::{AddKeyAction, TransferToGasKeyAction, WithdrawFromGasKeyAction},
    errors::ActionErrorKind,
    trie_key::{TrieKey, gas_key_nonce_key_len},
    types::{AccountId, Balance, BlockHeight, Nonce, StorageUsage},
};

use super::ActionOutcome;
use crate::{
    runtime::{Runtime, RuntimeError, apply::ActionContext, fees},
    state::StateUpdate,
};

/// The nonce a key starts with, so that re-adding a deleted key cannot bring old transactions back.
pub(super) fn initial_nonce(height: BlockHeight) -> Nonce {
    height.saturating_sub(1).saturating_mul(AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER)
}

impl Runtime {
    pub(in crate::runtime) fn add_key(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        add: &AddKeyAction,
    ) -> ActionOutcome {
        let account_id = ctx.account_id().clone();
        if state.access_key(&account_id, &add.public_key)?.is_some() {
            let public_key = Box::new(add.public_key.clone());
            return Ok(Err(ActionErrorKind::AddKeyAlreadyExists { account_id, public_key }));
        }
        let nonce = initial_nonce(ctx.block.height);
        let mut access_key = add.access_key.clone();
        access_key.nonce = nonce;
        if let Some(num_nonces) = access_key.gas_key_info().map(|info| info.num_nonces) {
            access_key.nonce = 0;
            for index in 0..num_nonces {
                state.set_gas_key_nonce(&account_id, &add.public_key, index, nonce)?;
            }
        }
        let bytes = self.access_key_bytes(&add.public_key, &access_key);
        state.set_access_key(&account_id, &add.public_key, &access_key)?;
        let account = ctx.existing_account()?;
        let usage = account.storage_usage().checked_add(bytes).ok_or(RuntimeError::Overflow)?;
        account.set_storage_usage(usage);
        Ok(Ok(()))
    }

    pub(in crate::runtime) fn delete_key(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        public_key: &PublicKey,
    ) -> ActionOutcome {
        let account_id = ctx.account_id().clone();
        let Some(access_key) = state.access_key(&account_id, public_key)? else {
            let public_key = Box::new(public_key.clone());
            return Ok(Err(ActionErrorKind::DeleteKeyDoesNotExist { account_id, public_key }));
        };
        if let Some(gas_key) = access_key.gas_key_info() {
            if gas_key.balance > GasKeyInfo::MAX_BALANCE_TO_BURN {
                return Ok(Err(ActionErrorKind::GasKeyBalanceTooHigh {
                    account_id,
                    public_key: Some(Box::new(public_key.clone())),
                    balance: gas_key.balance,
                }));
            }
            for index in 0..gas_key.num_nonces {
                state.remove(TrieKey::gas_key_nonce(account_id.clone(), public_key, index));
            }
            let lanes = usize::from(gas_key.num_nonces);
            let key_bytes = gas_key_nonce_key_len(&account_id, &public_key.into()) * lanes;
            let compute = fees::lane_removal_compute(&self.config, lanes, key_bytes)?;
            ctx.result.compute = ctx.result.compute.saturating_add(compute);
            ctx.result.tokens_burnt =
                ctx.result.tokens_burnt.checked_add(gas_key.balance).ok_or(RuntimeError::Overflow)?;
        }
        state.remove(TrieKey::access_key(account_id, public_key));
        let bytes = self.access_key_bytes(public_key, &access_key);
        let account = ctx.existing_account()?;
        account.set_storage_usage(account.storage_usage().saturating_sub(bytes));
        Ok(Ok(()))
    }

    pub(in crate::runtime) fn transfer_to_gas_key(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        transfer: &TransferToGasKeyAction,
    ) -> ActionOutcome {
        let account_id = ctx.account_id().clone();
        let (mut access_key, balance) = match gas_key(state, &account_id, &transfer.public_key)? {
            Ok(found) => found,
            Err(kind) => return Ok(Err(kind)),
        };
        let balance = balance.checked_add(transfer.deposit).ok_or(RuntimeError::Overflow)?;
        set_balance(state, &account_id, &transfer.public_key, &mut access_key, balance)?;
        Ok(Ok(()))
    }

    pub(in crate::runtime) fn withdraw_from_gas_key(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        withdraw: &WithdrawFromGasKeyAction,
    ) -> ActionOutcome {
        let account_id = ctx.account_id().clone();
        let (mut access_key, balance) = match gas_key(state, &account_id, &withdraw.public_key)? {
            Ok(found) => found,
            Err(kind) => return Ok(Err(kind)),
        };
        let Some(left) = balance.checked_sub(withdraw.amount) else {
            return Ok(Err(ActionErrorKind::InsufficientGasKeyBalance {
                account_id,
                public_key: Box::new(withdraw.public_key.clone()),
                balance,
                required: withdraw.amount,
            }));
        };
        set_balance(state, &account_id, &withdraw.public_key, &mut access_key, left)?;
        let account = ctx.existing_account()?;
        let amount = account.amount().checked_add(withdraw.amount).ok_or(RuntimeError::Overflow)?;
        account.set_amount(amount);
        Ok(Ok(()))
    }

    /// Bytes of storage a key takes, nonce lanes included.
    pub(super) fn access_key_bytes(&self, public_key: &PublicKey, access_key: &AccessKey) -> StorageUsage {
        let extra = self.config.fees.storage_usage_config.num_extra_bytes_record;
        let key_len = length(public_key.trie_id_len());
        let record = key_len + borsh::object_length(access_key).map_or(0, length) + extra;
        let lanes = access_key.gas_key_info().map_or(0, |info| u64::from(info.num_nonces));
        let lane = key_len + length(size_of_val(&0_u16)) + length(AccessKey::NONCE_VALUE_LEN) + extra;
        record + lanes * lane
    }
}

/// A gas key and its balance, or the error that there is none.
fn gas_key(
    state: &StateUpdate,
    account_id: &AccountId,
    public_key: &PublicKey,
) -> Result<Result<(AccessKey, Balance), ActionErrorKind>, RuntimeError> {
    let access_key = state.access_key(account_id, public_key)?;
    let found = access_key.and_then(|key| {
        let balance = key.gas_key_info()?.balance;
        Some((key, balance))
    });
    Ok(found.ok_or_else(|| ActionErrorKind::GasKeyDoesNotExist {
        account_id: account_id.clone(),
        public_key: Box::new(public_key.clone()),
    }))
}

fn set_balance(
    state: &mut StateUpdate,
    account_id: &AccountId,
    public_key: &PublicKey,
    access_key: &mut AccessKey,
    balance: Balance,
) -> Result<(), RuntimeError> {
    if let Some(info) = access_key.gas_key_info_mut() {
        info.balance = balance;
    }
    Ok(state.set_access_key(account_id, public_key, access_key)?)
}

fn length(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
