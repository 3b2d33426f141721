//! Changing the state from outside, for tests (`sandbox_patch_state`).

use near_primitives::{
    account::{Account, AccountContract},
    hash::CryptoHash,
    state_record::StateRecord,
    trie_key::TrieKey,
    types::StateChangeCause,
};

use super::ChainError;
use crate::state::StateUpdate;

/// Writes the records, as nearcore's sandbox does: storage usage is not recomputed.
pub fn apply(state: &mut StateUpdate, records: Vec<StateRecord>) -> Result<(), ChainError> {
    for record in records {
        match record {
            StateRecord::Account { account_id, account } => state.set_account(&account_id, &account)?,
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
