//! Access keys and gas keys (nearcore `access_keys.rs`).

use near_crypto::PublicKey;
use near_primitives::{
    account::{AccessKey, GasKeyInfo},
    action::{AddKeyAction, TransferToGasKeyAction, WithdrawFromGasKeyAction},
    errors::ActionErrorKind,
    trie_key::{TrieKey, gas_key_nonce_key_len},
    types::{Balance, BlockHeight, Nonce, StorageUsage},
};

use super::{ActionFailure, ActionOutcome};
use crate::runtime::{Runtime, RuntimeError, apply::ActionContext, fees};

/// The nonce a key starts with, so that re-adding a deleted key cannot bring old transactions back.
pub(super) fn initial_nonce(height: BlockHeight) -> Nonce {
    height.saturating_sub(1).saturating_mul(AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER)
}

impl ActionContext<'_> {
    pub(in crate::runtime) fn add_key(&mut self, add: &AddKeyAction) -> ActionOutcome {
        let account_id = self.account_id().clone();
        if self.state.access_key(&account_id, &add.public_key)?.is_some() {
            let public_key = Box::new(add.public_key.clone());
            return Err(ActionErrorKind::AddKeyAlreadyExists { account_id, public_key }.into());
        }
        let nonce = initial_nonce(self.block.height);
        let mut access_key = add.access_key.clone();
        access_key.nonce = nonce;
        if let Some(num_nonces) = access_key.gas_key_info().map(|info| info.num_nonces) {
            access_key.nonce = 0;
            for index in 0..num_nonces {
                self.state.set_gas_key_nonce(&account_id, &add.public_key, index, nonce)?;
            }
        }
        let bytes = self.runtime.access_key_bytes(&add.public_key, &access_key);
        self.state.set_access_key(&account_id, &add.public_key, &access_key)?;
        let account = self.existing_account()?;
        let usage = account.storage_usage().checked_add(bytes).ok_or(RuntimeError::Overflow)?;
        account.set_storage_usage(usage);
        Ok(())
    }

    pub(in crate::runtime) fn delete_key(&mut self, public_key: &PublicKey) -> ActionOutcome {
        let account_id = self.account_id().clone();
        let Some(access_key) = self.state.access_key(&account_id, public_key)? else {
            let public_key = Box::new(public_key.clone());
            return Err(ActionErrorKind::DeleteKeyDoesNotExist { account_id, public_key }.into());
        };
        if let Some(gas_key) = access_key.gas_key_info() {
            let balance = gas_key.balance;
            if balance > GasKeyInfo::MAX_BALANCE_TO_BURN {
                let public_key = Some(Box::new(public_key.clone()));
                return Err(ActionErrorKind::GasKeyBalanceTooHigh { account_id, public_key, balance }.into());
            }
            for index in 0..gas_key.num_nonces {
                self.state.remove(TrieKey::gas_key_nonce(account_id.clone(), public_key, index));
            }
            let lanes = usize::from(gas_key.num_nonces);
            let key_bytes = gas_key_nonce_key_len(&account_id, &public_key.into()) * lanes;
            let compute = fees::lane_removal_compute(&self.runtime.config, lanes, key_bytes)?;
            self.result.compute = self.result.compute.saturating_add(compute);
            self.result.tokens_burnt = fees::add(self.result.tokens_burnt, balance)?;
        }
        self.state.remove(TrieKey::access_key(account_id, public_key));
        let bytes = self.runtime.access_key_bytes(public_key, &access_key);
        let account = self.existing_account()?;
        account.set_storage_usage(account.storage_usage().saturating_sub(bytes));
        Ok(())
    }

    pub(in crate::runtime) fn transfer_to_gas_key(&mut self, transfer: &TransferToGasKeyAction) -> ActionOutcome {
        self.change_gas_key(&transfer.public_key, |_, balance| Ok(fees::add(balance, transfer.deposit)?))
    }

    pub(in crate::runtime) fn withdraw_from_gas_key(&mut self, withdraw: &WithdrawFromGasKeyAction) -> ActionOutcome {
        let required = withdraw.amount;
        self.change_gas_key(&withdraw.public_key, |context, balance| {
            let Some(left) = balance.checked_sub(required) else {
                let account_id = context.account_id().clone();
                let public_key = Box::new(withdraw.public_key.clone());
                let kind = ActionErrorKind::InsufficientGasKeyBalance { account_id, public_key, balance, required };
                return Err(kind.into());
            };
            let account = context.existing_account()?;
            account.set_amount(fees::add(account.amount(), required)?);
            Ok(left)
        })
    }

    /// Gives a gas key the balance that `change` makes of the one it has.
    fn change_gas_key(
        &mut self,
        public_key: &PublicKey,
        change: impl FnOnce(&mut Self, Balance) -> Result<Balance, ActionFailure>,
    ) -> ActionOutcome {
        let account_id = self.account_id().clone();
        let access_key = self.state.access_key(&account_id, public_key)?;
        let balance = access_key.as_ref().and_then(AccessKey::gas_key_info).map(|info| info.balance);
        let (Some(mut access_key), Some(balance)) = (access_key, balance) else {
            let public_key = Box::new(public_key.clone());
            return Err(ActionErrorKind::GasKeyDoesNotExist { account_id, public_key }.into());
        };
        let balance = change(self, balance)?;
        if let Some(info) = access_key.gas_key_info_mut() {
            info.balance = balance;
        }
        self.state.set_access_key(&account_id, public_key, &access_key)?;
        Ok(())
    }
}

impl Runtime {
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

fn length(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
