//! Why a transaction did not succeed, and what a caller may do about it.

use crate::outcome::ReceiptFailure;
use crate::tx::SignedTxError;
use crate::{AccountId, CryptoHash, Nonce, Outcome, PublicKey, RpcError, SignedTx, ViewError};
use near_primitives::errors::{InvalidAccessKeyError, InvalidTxError};
use std::time::Duration;

/// Why a transaction did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum TxError {
    /// It was executed, and a receipt failed.
    #[error("transaction {} failed: {failure}", outcome.tx_hash)]
    Failed {
        /// The first failure.
        failure: ReceiptFailure,
        /// Everything it did. Receipts that succeeded keep their effects.
        outcome: Box<Outcome>,
    },
    /// The nonce was used by another transaction of the key. The bytes never took effect and never will: sign anew.
    #[error(
        "transaction {tx_hash} can no longer be included: its nonce {tx_nonce} is used (the key is at {ak_nonce}); sign it again"
    )]
    Nonce {
        /// The transaction.
        tx_hash: CryptoHash,
        /// Its nonce.
        tx_nonce: Nonce,
        /// The nonce the key has reached.
        ak_nonce: Nonce,
    },
    /// It refers to a block that is too old. The bytes never took effect and never will: sign anew.
    #[error("transaction {tx_hash} can no longer be included: it has expired; sign it again")]
    Expired {
        /// The transaction.
        tx_hash: CryptoHash,
    },
    /// The chain is too busy to take it now.
    #[error("transaction {tx_hash} is not taken now ({reason}); send it again later")]
    Busy {
        /// The transaction.
        tx_hash: CryptoHash,
        /// The chain's words.
        reason: String,
    },
    /// The chain will never take it.
    #[error("transaction {tx_hash} of {signer_id} is refused: {reason}")]
    Invalid {
        /// The transaction.
        tx_hash: CryptoHash,
        /// The account that signed.
        signer_id: AccountId,
        /// What is wrong and how to put it right.
        reason: String,
    },
    /// The account that signed does not exist.
    #[error("transaction {tx_hash}: account {signer_id} does not exist on this network; create and fund it first")]
    NoAccount {
        /// The transaction.
        tx_hash: CryptoHash,
        /// The account that signed.
        signer_id: AccountId,
    },
    /// Time is up, and whether it was included is not known.
    #[error("transaction {tx_hash} was sent and has no outcome after {} s; it may still take effect", waited.as_secs())]
    Unknown {
        /// The transaction.
        tx_hash: CryptoHash,
        /// How long the sender tried.
        waited: Duration,
    },
    /// The signing key is not on the account any more.
    #[error("key {public_key} is not an access key of {account_id} any more; add it again or use another")]
    KeyGone {
        /// The account.
        account_id: AccountId,
        /// The key.
        public_key: PublicKey,
    },
    /// The key's nonces have run out.
    #[error("key {public_key} has used up its nonces; replace it by a new key")]
    NoncesUsedUp {
        /// The key.
        public_key: PublicKey,
    },
    /// The request cannot be written as bytes.
    #[error("the transaction cannot be written as bytes")]
    Encode {
        /// Why.
        source: std::io::Error,
    },
    /// Stored bytes are damaged.
    #[error(transparent)]
    Damaged(#[from] SignedTxError),
    /// The chain could not be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// No endpoint answered.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

impl Outcome {
    /// The outcome if no receipt failed.
    ///
    /// # Errors
    /// [`TxError::Failed`] with the first failure.
    pub fn into_success(self) -> Result<Self, TxError> {
        let failure = self.failures().next().cloned();
        match failure {
            Some(failure) => Err(TxError::Failed { failure, outcome: Box::new(self) }),
            None => Ok(self),
        }
    }
}

impl TxError {
    /// Whether the same bytes may be sent again, later or elsewhere.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Unknown { .. } => true,
            Self::Rpc(error) | Self::View(ViewError::Rpc(error)) => error.is_transient(),
            _ => false,
        }
    }

    /// Whether a node says the same that only lags: it knows neither a new block, account or key, nor that it has
    /// included the bytes.
    pub(super) fn may_be_lag(&self) -> bool {
        matches!(self, Self::Nonce { .. } | Self::Expired { .. } | Self::KeyGone { .. } | Self::NoAccount { .. })
    }

    /// The contract's stable error code, if a contract failed with one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Failed { failure, .. } => failure.code.as_deref(),
            _ => None,
        }
    }

    pub(super) fn refused(signed: &SignedTx, error: InvalidTxError) -> Self {
        let tx_hash = signed.hash;
        let account_id = &signed.signer_id;
        let public_key = &signed.public_key;
        let reason = match error {
            InvalidTxError::InvalidNonce { tx_nonce, ak_nonce } => {
                return Self::Nonce { tx_hash, tx_nonce, ak_nonce };
            }
            InvalidTxError::Expired => return Self::Expired { tx_hash },
            InvalidTxError::ShardCongested { .. } | InvalidTxError::ShardStuck { .. } => {
                return Self::Busy { tx_hash, reason: error.to_string() };
            }
            InvalidTxError::SignerDoesNotExist { signer_id } => return Self::NoAccount { tx_hash, signer_id },
            InvalidTxError::NotEnoughBalance { balance, cost, .. } => {
                format!("it costs up to {cost} and the account has {balance}; fund {account_id}")
            }
            InvalidTxError::LackBalanceForState { amount, .. } => {
                format!("the account would lack {amount} for its storage; fund {account_id}")
            }
            InvalidTxError::InvalidAccessKeyError(InvalidAccessKeyError::AccessKeyNotFound { .. }) => {
                return Self::KeyGone { account_id: account_id.clone(), public_key: public_key.clone() };
            }
            InvalidTxError::InvalidAccessKeyError(InvalidAccessKeyError::DepositWithFunctionCall) => {
                format!("key {public_key} is a function-call key and cannot attach a deposit; use a full-access key")
            }
            InvalidTxError::InvalidAccessKeyError(InvalidAccessKeyError::NotEnoughAllowance { .. }) => {
                format!("the allowance of key {public_key} is used up; replace the key by a new one")
            }
            InvalidTxError::InvalidAccessKeyError(error) => {
                format!("key {public_key} may not do this ({error}); use a key that may")
            }
            InvalidTxError::InvalidChain => {
                "it refers to a block of another chain; check that all RPC endpoints serve the same network".to_owned()
            }
            other => other.to_string(),
        };
        Self::Invalid { tx_hash, signer_id: account_id.clone(), reason }
    }
}
