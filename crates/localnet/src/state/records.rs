//! Typed access to the entries the runtime uses.

use borsh::{BorshDeserialize, BorshSerialize};
use near_crypto::PublicKey;
use near_primitives::{
    account::{AccessKey, Account},
    trie_key::TrieKey,
    types::{AccountId, Nonce, NonceIndex},
};

use super::{Snapshot, StateUpdate, Value};

/// The stored bytes are not what their key says. It means a patch wrote nonsense or this crate has a bug.
#[derive(Debug, thiserror::Error)]
#[error("state entry {key:?} cannot be decoded; was it patched with other bytes?")]
pub struct StateError {
    /// The entry.
    pub key: TrieKey,
    /// What borsh said.
    #[source]
    pub source: std::io::Error,
}

impl Snapshot {
    /// Decodes the entry under `key`.
    pub fn read<T: BorshDeserialize>(&self, key: TrieKey) -> Result<Option<T>, StateError> {
        self.get(&key).map(|value| decode(value, &key)).transpose()
    }

    /// The account's record.
    pub fn account(&self, account_id: &AccountId) -> Result<Option<Account>, StateError> {
        self.read(TrieKey::Account { account_id: account_id.clone() })
    }

    /// An access key of the account.
    pub fn access_key(&self, account_id: &AccountId, public_key: &PublicKey) -> Result<Option<AccessKey>, StateError> {
        self.read(TrieKey::access_key(account_id.clone(), public_key))
    }
}

impl StateUpdate {
    /// Decodes the entry under `key`, which becomes part of the storage proof.
    pub fn read<T: BorshDeserialize>(&self, key: TrieKey) -> Result<Option<T>, StateError> {
        self.find_whole(&key).map(|value| decode(value, &key)).transpose()
    }

    /// Decodes the entry under `key` and removes it.
    pub fn take<T: BorshDeserialize>(&mut self, key: TrieKey) -> Result<Option<T>, StateError> {
        let value = self.read(key.clone())?;
        if value.is_some() {
            self.remove(key);
        }
        Ok(value)
    }

    /// Encodes `value` under `key`.
    pub fn write<T: BorshSerialize>(&mut self, key: TrieKey, value: &T) -> Result<(), StateError> {
        let bytes = borsh::to_vec(value).map_err(|source| StateError { key: key.clone(), source })?;
        self.set(key, bytes);
        Ok(())
    }

    /// The account's record.
    pub fn account(&self, account_id: &AccountId) -> Result<Option<Account>, StateError> {
        self.read(TrieKey::Account { account_id: account_id.clone() })
    }

    /// Writes the account's record.
    pub fn set_account(&mut self, account_id: &AccountId, account: &Account) -> Result<(), StateError> {
        self.write(TrieKey::Account { account_id: account_id.clone() }, account)
    }

    /// An access key of the account.
    pub fn access_key(&self, account_id: &AccountId, public_key: &PublicKey) -> Result<Option<AccessKey>, StateError> {
        self.read(TrieKey::access_key(account_id.clone(), public_key))
    }

    /// Writes an access key of the account.
    pub fn set_access_key(
        &mut self,
        account_id: &AccountId,
        public_key: &PublicKey,
        access_key: &AccessKey,
    ) -> Result<(), StateError> {
        self.write(TrieKey::access_key(account_id.clone(), public_key), access_key)
    }

    /// One nonce lane of a gas key.
    pub fn gas_key_nonce(
        &self,
        account_id: &AccountId,
        public_key: &PublicKey,
        index: NonceIndex,
    ) -> Result<Option<Nonce>, StateError> {
        self.read(TrieKey::gas_key_nonce(account_id.clone(), public_key, index))
    }

    /// Writes one nonce lane of a gas key.
    pub fn set_gas_key_nonce(
        &mut self,
        account_id: &AccountId,
        public_key: &PublicKey,
        index: NonceIndex,
        nonce: Nonce,
    ) -> Result<(), StateError> {
        self.write(TrieKey::gas_key_nonce(account_id.clone(), public_key, index), &nonce)
    }
}

/// Decodes a value found under `key`.
pub fn decode<T: BorshDeserialize>(value: Value, key: &TrieKey) -> Result<T, StateError> {
    T::try_from_slice(&value).map_err(|source| StateError { key: key.clone(), source })
}
