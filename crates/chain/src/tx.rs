//! Transactions: what is asked for, and the signed bytes that ask for it.

use crate::{AccountId, Action, CryptoHash, Gas, NearToken, Nonce, PublicKey, SecretKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use near_primitives::account::{AccessKey, AccessKeyPermission, FunctionCallPermission};
use near_primitives::action::{
    AddKeyAction, CreateAccountAction, DeleteKeyAction, DeployContractAction, FunctionCallAction, TransferAction,
};
use near_primitives::transaction::{SignedTransaction, Transaction, TransactionV0};
pub use near_primitives::views::TxExecutionStatus as WaitLevel;
use piecework_client::Call;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What one transaction shall do: a batch of actions on one account, all or nothing.
#[derive(Clone, Debug)]
pub struct TxRequest {
    /// The account the actions run on.
    pub receiver_id: AccountId,
    /// The actions, in order.
    pub actions: Vec<Action>,
}

impl TxRequest {
    /// An empty request to an account.
    pub fn to(receiver_id: AccountId) -> Self {
        Self { receiver_id, actions: Vec::new() }
    }

    /// Calls a method of the coordinator or a token.
    #[must_use]
    pub fn call(self, call: Call) -> Self {
        let (gas, deposit) = (Gas::from_gas(call.gas), NearToken::from_yoctonear(call.deposit));
        self.call_raw(call.method, call.args, gas, deposit)
    }

    /// Calls any method with these argument bytes.
    #[must_use]
    pub fn call_raw(self, method: &str, args: Vec<u8>, gas: Gas, deposit: NearToken) -> Self {
        let call = FunctionCallAction { method_name: method.to_owned(), args, gas, deposit };
        self.with(Action::FunctionCall(Box::new(call)))
    }

    /// Transfers NEAR.
    #[must_use]
    pub fn transfer(self, deposit: NearToken) -> Self {
        self.with(Action::Transfer(TransferAction { deposit }))
    }

    /// Creates the receiver.
    #[must_use]
    pub fn create_account(self) -> Self {
        self.with(Action::CreateAccount(CreateAccountAction {}))
    }

    /// Deploys a contract on the receiver.
    #[must_use]
    pub fn deploy(self, code: Vec<u8>) -> Self {
        self.with(Action::DeployContract(DeployContractAction { code }))
    }

    /// Adds a key that may do everything.
    #[must_use]
    pub fn add_full_access_key(self, public_key: PublicKey) -> Self {
        self.add_key(public_key, AccessKeyPermission::FullAccess)
    }

    /// Adds a key that may only call these methods of one contract, without a deposit, for as much gas as it likes.
    #[must_use]
    pub fn add_function_call_key(self, public_key: PublicKey, contract: &AccountId, methods: &[&str]) -> Self {
        let method_names = methods.iter().map(|&method| method.to_owned()).collect();
        let permission = FunctionCallPermission { allowance: None, receiver_id: contract.to_string(), method_names };
        self.add_key(public_key, AccessKeyPermission::FunctionCall(permission))
    }

    /// Takes a key off the receiver.
    #[must_use]
    pub fn delete_key(self, public_key: PublicKey) -> Self {
        self.with(Action::DeleteKey(Box::new(DeleteKeyAction { public_key })))
    }

    /// Adds any other action.
    #[must_use]
    pub fn with(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// Gas that its calls attach.
    pub fn gas(&self) -> u64 {
        let attached = self.actions.iter().filter_map(|action| match action {
            Action::FunctionCall(call) => Some(call.gas.as_gas()),
            _ => None,
        });
        attached.fold(0, u64::saturating_add)
    }

    fn add_key(self, public_key: PublicKey, permission: AccessKeyPermission) -> Self {
        let access_key = AccessKey { nonce: 0, permission };
        self.with(Action::AddKey(Box::new(AddKeyAction { public_key, access_key })))
    }
}

/// A signed transaction. Its bytes can be sent any number of times and take effect at most once, so a program that
/// stores them before the first sending can crash anywhere and send them again. Serializes as base64 text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SignedTx {
    /// The transaction's hash, known before it is sent.
    pub hash: CryptoHash,
    /// The account that signed.
    pub signer_id: AccountId,
    /// The access key that signed.
    pub public_key: PublicKey,
    /// Its nonce; once the access key's nonce has reached it, these bytes can no longer be included.
    pub nonce: Nonce,
    /// The block it refers to; it expires some time after that block.
    pub block_hash: CryptoHash,
    /// The Borsh bytes to store and send.
    pub bytes: Vec<u8>,
}

/// Stored bytes are not a signed transaction.
#[derive(Debug, thiserror::Error)]
#[error("these {len} bytes are not a signed transaction; the record is damaged or of another version")]
pub struct SignedTxError {
    len: usize,
    source: std::io::Error,
}

impl SignedTx {
    /// Reads stored bytes back.
    ///
    /// # Errors
    /// If they are not a signed transaction.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignedTxError> {
        let signed = borsh::from_slice(bytes).map_err(|source| SignedTxError { len: bytes.len(), source })?;
        Ok(Self::describe(&signed, bytes.to_vec()))
    }

    pub(crate) fn sign(
        request: &TxRequest,
        signer_id: &AccountId,
        secret_key: &SecretKey,
        nonce: Nonce,
        block_hash: CryptoHash,
    ) -> std::io::Result<Self> {
        let transaction = Transaction::V0(TransactionV0 {
            signer_id: signer_id.clone(),
            public_key: secret_key.public_key(),
            nonce,
            receiver_id: request.receiver_id.clone(),
            block_hash,
            actions: request.actions.clone(),
        });
        let signature = secret_key.sign(transaction.get_hash_and_size().0.as_ref());
        let signed = SignedTransaction::new(signature, transaction);
        let bytes = borsh::to_vec(&signed)?;
        Ok(Self::describe(&signed, bytes))
    }

    pub(crate) fn transaction(&self) -> Result<SignedTransaction, SignedTxError> {
        borsh::from_slice(&self.bytes).map_err(|source| SignedTxError { len: self.bytes.len(), source })
    }

    fn describe(signed: &SignedTransaction, bytes: Vec<u8>) -> Self {
        let transaction = &signed.transaction;
        Self {
            hash: signed.get_hash(),
            signer_id: transaction.signer_id().clone(),
            public_key: transaction.public_key().clone(),
            nonce: transaction.nonce().nonce(),
            block_hash: *transaction.block_hash(),
            bytes,
        }
    }
}

impl fmt::Debug for SignedTx {
    /// Signed bytes are as good as the right to send them, so they stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedTx")
            .field("hash", &self.hash)
            .field("signer_id", &self.signer_id)
            .field("public_key", &self.public_key)
            .field("nonce", &self.nonce)
            .finish_non_exhaustive()
    }
}

impl From<SignedTx> for String {
    fn from(signed: SignedTx) -> Self {
        BASE64_STANDARD.encode(signed.bytes)
    }
}

impl TryFrom<String> for SignedTx {
    type Error = SignedTxError;

    fn try_from(text: String) -> Result<Self, SignedTxError> {
        let bytes = BASE64_STANDARD
            .decode(&text)
            .map_err(|error| SignedTxError { len: text.len(), source: std::io::Error::other(error) })?;
        Self::from_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use near_crypto::KeyType;

    fn signed() -> SignedTx {
        let request = TxRequest::to("pw.test".parse().unwrap()).call_raw(
            "work",
            b"ops".to_vec(),
            Gas::from_teragas(30),
            NearToken::from_yoctonear(0),
        );
        let key = SecretKey::from_seed(KeyType::ED25519, "node");
        SignedTx::sign(&request, &"node.test".parse().unwrap(), &key, 7, CryptoHash::hash_bytes(b"block")).unwrap()
    }

    #[test]
    fn signed_tx__should_be_the_same_after_storing_its_bytes() {
        let signed = signed();
        assert_eq!(SignedTx::from_bytes(&signed.bytes).unwrap(), signed);
        let json = serde_json::to_string(&signed).unwrap();
        assert_eq!(serde_json::from_str::<SignedTx>(&json).unwrap(), signed);
    }

    #[test]
    fn signed_tx__should_carry_a_signature_over_its_hash() {
        let signed = signed();
        let transaction = signed.transaction().unwrap();
        assert!(transaction.signature.verify(signed.hash.as_ref(), &signed.public_key));
    }

    #[test]
    fn signed_tx__should_refuse_damaged_bytes() {
        let mut bytes = signed().bytes;
        bytes.truncate(bytes.len() - 1);
        assert!(SignedTx::from_bytes(&bytes).is_err());
    }

    #[test]
    fn signed_tx__should_keep_its_bytes_out_of_debug_output() {
        assert!(!format!("{:?}", signed()).contains("bytes:"));
    }
}
