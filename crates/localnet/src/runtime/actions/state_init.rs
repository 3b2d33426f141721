//! Accounts whose id is the hash of their initial state: deterministic (NEP-616) and universal ones (nearcore
//! `deterministic_account_id.rs`, `universal_account_id.rs`).

use std::collections::BTreeMap;

use near_primitives::{
    account::{AccessKey, Account},
    action::{DeterministicStateInitAction, UniversalStateInitAction},
    errors::ActionErrorKind,
    receipt::Receipt,
    trie_key::TrieKey,
    types::{Balance, StorageUsage},
    universal_state_init::UniversalStateInit,
};

use super::{ActionOutcome, keys::initial_nonce};
use crate::runtime::{RuntimeError, apply::ActionContext, fees, storage_stake};

impl ActionContext<'_> {
    /// Creates the account if needed and installs its code and data. Later ones only pay for storage.
    pub(in crate::runtime) fn deterministic_state_init(
        &mut self,
        init: &DeterministicStateInitAction,
    ) -> ActionOutcome {
        let account = self.account.get_or_insert_with(|| self.runtime.empty_account());
        if account.contract().is_none() {
            self.use_global_contract(init.state_init.code())?;
            self.install_data(init.state_init.data())?;
        }
        self.settle_state_init(init.deposit)
    }

    /// Creates the account if needed and installs what its id commits to: code, data and full access keys. The
    /// actor stays the predecessor, so that later actions of the receipt cannot take the account over.
    pub(in crate::runtime) fn universal_state_init(&mut self, init: &UniversalStateInitAction) -> ActionOutcome {
        let first_nonce = initial_nonce(self.block.height);
        let bytes = self.runtime.config.fees.storage_usage_config.num_bytes_account;
        let account = self.account.get_or_insert_with(|| Account::new_uninitialized(Balance::ZERO, bytes, first_nonce));
        if account.is_initialized() {
            self.refund_deposit(init.deposit);
            return Ok(());
        }
        // Validation has decoded it before; a receipt that says otherwise fails without harm.
        let Ok(state_init) = UniversalStateInit::from_raw_strict(&init.state_init) else {
            return Err(ActionErrorKind::MalformedUniversalStateInit.into());
        };
        // The keys start above the nonce of a self-signed init, or its bytes could be sent again.
        let nonce = first_nonce.max(account.bootstrap_nonce().unwrap_or(0));
        account.initialize().map_err(|error| RuntimeError::Inconsistent(error.to_string()))?;
        if let Some(code) = state_init.code() {
            self.use_global_contract(code)?;
        }
        self.install_data(state_init.data())?;
        let access_key = AccessKey { nonce, ..AccessKey::full_access() };
        let value_bytes = borsh::object_length(&access_key).map_err(|_| RuntimeError::Overflow)?;
        let account_id = self.account_id().clone();
        for handle in state_init.access_keys() {
            self.add_record_bytes(handle.trie_id_len(), value_bytes)?;
            self.state.write(TrieKey::access_key(account_id.clone(), handle.clone()), &access_key)?;
        }
        self.settle_state_init(init.deposit)
    }

    fn install_data(&mut self, data: &BTreeMap<Vec<u8>, Vec<u8>>) -> ActionOutcome {
        let account_id = self.account_id().clone();
        for (key, value) in data {
            self.add_record_bytes(key.len(), value.len())?;
            self.state.set(TrieKey::ContractData { account_id: account_id.clone(), key: key.clone() }, value.clone());
        }
        Ok(())
    }

    fn add_record_bytes(&mut self, key: usize, value: usize) -> ActionOutcome {
        let extra = self.runtime.config.fees.storage_usage_config.num_extra_bytes_record;
        let bytes = StorageUsage::try_from(key + value).map_err(|_| RuntimeError::Overflow)?;
        let account = self.existing_account()?;
        let usage = account.storage_usage().checked_add(bytes).and_then(|usage| usage.checked_add(extra));
        account.set_storage_usage(usage.ok_or(RuntimeError::Overflow)?);
        Ok(())
    }

    /// The deposit pays only for the storage the account cannot pay itself; the rest goes back.
    fn settle_state_init(&mut self, deposit: Balance) -> ActionOutcome {
        let config = &self.runtime.config;
        let account = self.existing_account()?;
        let lacking = storage_stake::lacking(config, account, account.amount())?;
        let taken = lacking.unwrap_or(Balance::ZERO).min(deposit);
        account.set_amount(fees::add(account.amount(), taken)?);
        self.refund_deposit(deposit.saturating_sub(taken));
        Ok(())
    }

    fn refund_deposit(&mut self, unused: Balance) {
        if unused > Balance::ZERO {
            let refund_to = self.receipt.balance_refund_receiver();
            self.result.new_receipts.push(Receipt::new_balance_refund(refund_to, unused));
        }
    }
}
