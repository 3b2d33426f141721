//! Changing the state from outside, for tests (`sandbox_patch_state`).

use near_primitives::{
    account::{Account, AccountContract},
    hash::CryptoHash,
    state_record::StateRecord,
    trie_key::TrieKey,
    types::{Balance, StateChangeCause},
};

use super::Chain;
use crate::{
    block::Block,
    chain::ChainError,
    state::{ChangeLog, StateUpdate},
};

/// A thousand times what exists on NEAR; sums of such balances still fit their type, so the chain can go on.
const MOST_BALANCE: Balance = Balance::from_near(1_000_000_000_000);
/// More than any account can pay for.
const MOST_BYTES: u64 = 1 << 50;

impl Chain {
    /// Writes patches as versions of the parent, on which the block then builds; returns what they changed.
    pub(super) fn apply_patches(&mut self, parent: &Block) -> Result<ChangeLog, ChainError> {
        let mut update = StateUpdate::new(self.view.snapshot(parent.height()));
        apply(&mut update, std::mem::take(&mut self.patches))?;
        let patched = update.finish();
        self.view.state.write().put_all(parent.height(), &patched);
        Ok(patched)
    }
}

/// Changes of a patch followed by those of the block it came with.
pub(super) fn merge(mut first: ChangeLog, second: ChangeLog) -> ChangeLog {
    for (key, change) in second {
        match first.get_mut(&key) {
            Some(earlier) => earlier.values.extend(change.values),
            None => {
                first.insert(key, change);
            }
        }
    }
    first
}

/// Writes the records, as nearcore's sandbox does: storage usage is not recomputed.
fn apply(state: &mut StateUpdate, records: Vec<StateRecord>) -> Result<(), ChainError> {
    for record in records {
        match record {
            StateRecord::Account { account_id, account } => {
                if [account.amount(), account.locked()].iter().any(|amount| *amount > MOST_BALANCE)
                    || account.storage_usage() > MOST_BYTES
                {
                    return Err(ChainError::Patch(format!("{account_id} would own more than could ever exist")));
                }
                state.set_account(&account_id, &account)?;
            }
            StateRecord::Data { account_id, data_key, value } => {
                state.set(TrieKey::ContractData { account_id, key: data_key.to_vec() }, value.to_vec());
            }
            StateRecord::Contract { account_id, code } => {
                let mut account: Account =
                    state.account(&account_id)?.ok_or_else(|| ChainError::PatchWithoutAccount(account_id.clone()))?;
                account
                    .set_contract(AccountContract::Local(CryptoHash::hash_bytes(&code)))
                    .map_err(|error| ChainError::Patch(error.to_string()))?;
                state.set_account(&account_id, &account)?;
                state.set(TrieKey::ContractCode { account_id }, code);
            }
            StateRecord::AccessKey { account_id, public_key, access_key } => {
                state.write(TrieKey::access_key(account_id, public_key), &access_key)?;
            }
            StateRecord::GasKeyNonce { account_id, public_key, index, nonce } => {
                state.write(TrieKey::gas_key_nonce(account_id, public_key, index), &nonce)?;
            }
            other @ (StateRecord::PostponedReceipt(_)
            | StateRecord::ReceivedData { .. }
            | StateRecord::DelayedReceipt(_)) => {
                return Err(ChainError::Patch(format!("records of this kind cannot be patched: {other}")));
            }
        }
    }
    state.commit(StateChangeCause::Migration);
    Ok(())
}
