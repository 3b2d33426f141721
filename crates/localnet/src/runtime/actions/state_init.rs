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
use crate::{
    runtime::{Runtime, RuntimeError, apply::ActionContext, storage_stake},
    state::StateUpdate,
};

impl Runtime {
    /// Creates the account if needed and installs its code and data. Later ones only pay for storage.
    pub(in crate::runtime) fn deterministic_state_init(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        init: &DeterministicStateInitAction,
    ) -> ActionOutcome {
        let account = ctx.account.get_or_insert_with(|| self.empty_account());
        if account.contract().is_none() {
            if let Err(kind) = self.use_global_contract(state, ctx, init.state_init.code())? {
                return Ok(Err(kind));
            }
            self.install_data(state, ctx, init.state_init.data())?;
        }
        self.settle_state_init(ctx, init.deposit)?;
        Ok(Ok(()))
    }

    /// Creates the account if needed and installs what its id commits to: code, data and full access keys. The
    /// actor stays the predecessor, so that later actions of the receipt cannot take the account over.
    pub(in crate::runtime) fn universal_state_init(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        init: &UniversalStateInitAction,
    ) -> ActionOutcome {
        let first_nonce = initial_nonce(ctx.block.height);
        let bytes = self.config.fees.storage_usage_config.num_bytes_account;
        let account = ctx.account.get_or_insert_with(|| Account::new_uninitialized(Balance::ZERO, bytes, first_nonce));
        if account.is_initialized() {
            refund(ctx, init.deposit);
            return Ok(Ok(()));
        }
        // Validation has decoded it before; a receipt that says otherwise fails without harm.
        let Ok(state_init) = UniversalStateInit::from_raw_strict(&init.state_init) else {
            return Ok(Err(ActionErrorKind::MalformedUniversalStateInit));
        };
        // The keys start above the nonce of a self-signed init, or its bytes could be sent again.
        let nonce = first_nonce.max(account.bootstrap_nonce().unwrap_or(0));
        account.initialize().map_err(|error| RuntimeError::Inconsistent(error.to_string()))?;
        if let Some(code) = state_init.code()
            && let Err(kind) = self.use_global_contract(state, ctx, code)?
        {
            return Ok(Err(kind));
        }
        self.install_data(state, ctx, state_init.data())?;
        let access_key = AccessKey { nonce, ..AccessKey::full_access() };
        let value_bytes = borsh::object_length(&access_key).map_err(|_| RuntimeError::Overflow)?;
        let account_id = ctx.account_id().clone();
        for handle in state_init.access_keys() {
            self.add_record_bytes(ctx, handle.trie_id_len(), value_bytes)?;
            state.write(TrieKey::access_key(account_id.clone(), handle.clone()), &access_key)?;
        }
        self.settle_state_init(ctx, init.deposit)?;
        Ok(Ok(()))
    }

    fn install_data(
        &self,
        state: &mut StateUpdate,
        ctx: &mut ActionContext<'_>,
        data: &BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Result<(), RuntimeError> {
        let account_id = ctx.account_id().clone();
        for (key, value) in data {
            self.add_record_bytes(ctx, key.len(), value.len())?;
            state.set(TrieKey::ContractData { account_id: account_id.clone(), key: key.clone() }, value.clone());
        }
        Ok(())
    }

    fn add_record_bytes(&self, ctx: &mut ActionContext<'_>, key: usize, value: usize) -> Result<(), RuntimeError> {
        let extra = self.config.fees.storage_usage_config.num_extra_bytes_record;
        let bytes = StorageUsage::try_from(key + value).map_err(|_| RuntimeError::Overflow)?;
        let account = ctx.existing_account()?;
        let usage = account.storage_usage().checked_add(bytes).and_then(|usage| usage.checked_add(extra));
        account.set_storage_usage(usage.ok_or(RuntimeError::Overflow)?);
        Ok(())
    }

    /// The deposit pays only for the storage the account cannot pay itself; the rest goes back.
    fn settle_state_init(&self, ctx: &mut ActionContext<'_>, deposit: Balance) -> Result<(), RuntimeError> {
        let account = ctx.existing_account()?;
        let balance = account.amount();
        let lacking = storage_stake::lacking(&self.config, account, balance)?;
        let taken = lacking.unwrap_or(Balance::ZERO).min(deposit);
        account.set_amount(balance.checked_add(taken).ok_or(RuntimeError::Overflow)?);
        refund(ctx, deposit.saturating_sub(taken));
        Ok(())
    }
}

fn refund(ctx: &mut ActionContext<'_>, unused: Balance) {
    if unused > Balance::ZERO {
        let refund_to = ctx.receipt.balance_refund_receiver();
        ctx.result.new_receipts.push(Receipt::new_balance_refund(refund_to, unused));
    }
}
