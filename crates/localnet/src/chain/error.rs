//! What can go wrong with a chain.

use near_primitives::types::{AccountId, BlockHeight};

use super::GenesisError;
use crate::{runtime::RuntimeError, state::StateError, store::StoreError};

/// The chain cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The genesis file is wrong.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A block could not be applied.
    #[error("the block at height {height} cannot be applied")]
    Block {
        /// Its height.
        height: BlockHeight,
        /// Why.
        #[source]
        source: RuntimeError,
    },
    /// Stored bytes do not decode.
    #[error(transparent)]
    State(#[from] StateError),
    /// Code was patched into an account that does not exist.
    #[error("cannot patch a contract into {0}, which does not exist; patch its Account record first")]
    PatchWithoutAccount(AccountId),
    /// A patch that makes no sense.
    #[error("cannot patch the state: {0}")]
    Patch(String),
    /// The chain on disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A moment before the newest block's.
    #[error(
        "{asked_ns} is not after the newest block's time, {newest_ns}; block times only grow, so restore a snapshot"
    )]
    TimeGoesForward {
        /// What was asked for, in nanoseconds since the epoch.
        asked_ns: u64,
        /// The newest block's.
        newest_ns: u64,
    },
    /// A sum of balances overflows.
    #[error("the total supply overflows at height {0}")]
    Supply(BlockHeight),
}
