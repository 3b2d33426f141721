//! The final blocks of the chain in order, with everything one contract did in each.
//!
//! Any plain JSON-RPC node will do. Other sources (neardata, a node's indexer endpoint) can give the same stream
//! behind [`StreamBlocks`].

mod fetch;
mod heads;
mod history;
mod order;
mod source;
mod tries;

pub use fetch::BlockSourceConfig;
pub use history::Needs;
pub use source::RpcBlockSource;

use crate::{AccountId, BlockHeight, CryptoHash, RpcError, ViewError};
use std::future::Future;

/// The last block a reader has taken in: the next one must name it as its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its height.
    pub height: BlockHeight,
    /// Its hash.
    pub hash: CryptoHash,
}

/// A source of final blocks.
pub trait StreamBlocks {
    /// Waits for the block after the cursor, or the first one of the source's range. The same cursor gives the same
    /// block again, so a reader that failed to store a block simply asks anew. Safe to cancel.
    fn next(&mut self, after: Option<Cursor>) -> impl Future<Output = Result<FinalBlock, BlockSourceError>> + Send;
}

/// A final block and what the contract did in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalBlock {
    /// Its height. Heights skip.
    pub height: BlockHeight,
    /// Its hash.
    pub hash: CryptoHash,
    /// The parent's hash: that of the block given before.
    pub prev_hash: CryptoHash,
    /// Its time, nanoseconds since 1970.
    pub timestamp_ns: u64,
    /// The successful receipts that changed the contract's state, in the order they ran.
    pub receipts: Vec<ContractReceipt>,
    /// The contract's root record after this block, if the block wrote it.
    pub root: Option<Vec<u8>>,
    /// The final head when this block was asked for: `head_height - height` is how far the reader is behind.
    pub head_height: BlockHeight,
}

impl FinalBlock {
    /// The cursor of a reader that has taken in this block.
    pub fn cursor(&self) -> Cursor {
        Cursor { height: self.height, hash: self.hash }
    }
}

/// A receipt that ran on the contract, succeeded, and changed its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractReceipt {
    /// The receipt.
    pub receipt_id: CryptoHash,
    /// The account that called; the only one a contract may trust.
    pub predecessor_id: AccountId,
    /// The account that signed the transaction; for display only.
    pub signer_id: AccountId,
    /// The transaction it came from, if the source tells. Plain RPC tells only for the contract's own transactions.
    pub tx_hash: Option<CryptoHash>,
    /// The function calls it carried, in order: usually one; a batch transaction may carry several.
    pub calls: Vec<ContractCall>,
    /// The log lines of all its calls.
    pub logs: Vec<String>,
    /// Gas burnt by this receipt alone.
    pub gas_burnt: u64,
    /// Its place among the receipts of the block, from 0.
    pub order: u32,
}

/// One function call of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractCall {
    /// The method.
    pub method_name: String,
    /// Its argument bytes.
    pub args: Vec<u8>,
    /// The gas attached.
    pub gas: u64,
    /// The yoctoNEAR attached.
    pub deposit: u128,
}

/// Why there is no next block.
#[derive(Debug, thiserror::Error)]
pub enum BlockSourceError {
    /// The final chain changed, which NEAR excludes: the endpoint serves another chain, or was reset.
    #[error(
        "the final block at height {height} was {expected} and at {endpoint} is {found}, which serves another chain or \
         a reset one: point the reader at the right network, or rebuild its database"
    )]
    Rollback {
        /// The height.
        height: BlockHeight,
        /// The block taken in before.
        expected: CryptoHash,
        /// The block the endpoint has now.
        found: CryptoHash,
        /// The endpoint.
        endpoint: String,
    },
    /// The chain after the cursor does not lead back to it.
    #[error(
        "block {hash} at height {height} of {endpoint} does not descend from {} at height {}: it serves another chain or \
         a reset one; point the reader at the right network, or rebuild its database", expected.hash, expected.height
    )]
    BrokenLink {
        /// A block after the cursor.
        height: BlockHeight,
        /// Its hash.
        hash: CryptoHash,
        /// The cursor.
        expected: Cursor,
        /// The endpoint.
        endpoint: String,
    },
    /// A block that must exist is at no endpoint.
    #[error(
        "block {hash} below height {below} is at no endpoint; blocks that old need an archival RPC endpoint: add one"
    )]
    MissingBlock {
        /// The block.
        hash: CryptoHash,
        /// The height of its child.
        below: BlockHeight,
    },
    /// Blocks that the reader needs are older than what any endpoint keeps.
    #[error("{}", history_gone(needs, *kept_from, endpoint))]
    HistoryGone {
        /// What it needs them for.
        needs: Needs,
        /// The lowest height kept.
        kept_from: BlockHeight,
        /// The endpoint that keeps it.
        endpoint: String,
    },
    /// Endpoints called many heights in a row unknown at which blocks stand.
    #[error(
        "blocks from height {from} on are at no endpoint, and block {below} descends from them; an endpoint lags or \
         keeps less than another: wait, or add an archival RPC endpoint"
    )]
    Hidden {
        /// The first such height.
        from: BlockHeight,
        /// The lowest block known after them.
        below: BlockHeight,
    },
    /// The node's answers about one block contradict each other.
    #[error("the answers of {endpoint} about block {hash} contradict each other: {reason}; do not trust this endpoint")]
    Inconsistent {
        /// The block.
        hash: CryptoHash,
        /// What contradicts what.
        reason: String,
        /// The endpoint that gave the last of them.
        endpoint: String,
    },
    /// The node did not answer about a block it serves, for longer than it may take.
    #[error("block {hash}: {what} is not available at {endpoint} ({reason}); use an endpoint that keeps outcomes")]
    Unavailable {
        /// The block.
        hash: CryptoHash,
        /// What was asked for.
        what: String,
        /// The endpoint.
        endpoint: String,
        /// The node's words.
        reason: String,
    },
    /// The chain could not be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// No endpoint answered.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

impl BlockSourceError {
    /// Whether asking again is pointless or dangerous, so that the reader must stop and a person look.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Rollback { .. } | Self::BrokenLink { .. } | Self::Inconsistent { .. } => true,
            Self::HistoryGone { .. } => true,
            Self::MissingBlock { .. } | Self::Hidden { .. } | Self::Unavailable { .. } => false,
            Self::View(ViewError::Rpc(error)) | Self::Rpc(error) => !error.is_transient(),
            Self::View(_) => false,
        }
    }

    /// The endpoint whose answers contradict the chain as it was read before, or each other.
    fn accused(&self) -> Option<&str> {
        match self {
            Self::Rollback { endpoint, .. }
            | Self::BrokenLink { endpoint, .. }
            | Self::Inconsistent { endpoint, .. } => Some(endpoint),
            _ => None,
        }
    }
}

fn history_gone(needs: &Needs, kept_from: BlockHeight, endpoint: &str) -> String {
    let kept = format!("{endpoint} keeps blocks from height {kept_from} on, and no other endpoint keeps more");
    match needs {
        Needs::After(cursor) => format!(
            "the reader stands at height {}, and {kept}: it was down for longer than they keep blocks; add an archival RPC \
             endpoint until it has caught up",
            cursor.height
        ),
        Needs::Start(height) => format!(
            "the reader starts at height {height}, and {kept}; the contract is older: add an archival RPC endpoint until \
             the reader has caught up"
        ),
        Needs::Deployment(contract) => format!(
            "contract {contract} was deployed before height {kept_from}, and {kept}; add an archival RPC endpoint until \
             the reader has caught up"
        ),
    }
}
