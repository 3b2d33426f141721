//! Why a block cannot be mirrored. Each stops the indexer: a mirror that guesses is worse than one that stands still.

use piecework_chain::FinalBlock;
use piecework_replay::ReplayError;
use piecework_store::cursor::Cursor;

/// A block that does not follow from the mirror.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The block's parent is not the last block.
    #[error("block {hash} at height {height} names {prev_hash} as its parent, but the mirror stands at {cursor}")]
    BrokenLink {
        /// Height of the block.
        height: u64,
        /// Its hash.
        hash: String,
        /// Its parent.
        prev_hash: String,
        /// Where the mirror stands.
        cursor: String,
    },
    /// The block's height or time does not fit the contract's types.
    #[error("the block at height {height} has a height or time beyond what the contract can record")]
    Range {
        /// Height.
        height: u64,
    },
    /// The receipt's arguments or a line cannot be read, or a line does not follow from the mirror.
    #[error("receipt {receipt_id} at height {height} cannot be replayed")]
    Replay {
        /// Receipt.
        receipt_id: String,
        /// Height.
        height: u64,
        /// Why.
        source: ReplayError,
    },
    /// Journal lines appeared, and the root record did not change.
    #[error("the block at height {height} holds journal lines, but the contract's root record did not change in it")]
    NoRoot {
        /// Height.
        height: u64,
    },
    /// The root record is of a later version.
    #[error("the contract's root record at height {height} has a version this indexer does not know: upgrade it")]
    RootVersion {
        /// Height.
        height: u64,
    },
    /// The contract's journal is not the one that was replayed.
    #[error(
        "after the block at height {height} the contract's journal is at line {contract_seq} with head {contract_head}, \
         the mirror's at line {mirror_seq} with head {mirror_head}: rebuild the mirror from the contract's deployment"
    )]
    Head {
        /// Height.
        height: u64,
        /// Lines of the contract.
        contract_seq: u64,
        /// Head of the contract.
        contract_head: String,
        /// Lines of the mirror.
        mirror_seq: u64,
        /// Head of the mirror.
        mirror_head: String,
    },
}

impl PlanError {
    pub(super) fn broken_link(block: &FinalBlock, cursor: &Cursor) -> Self {
        Self::BrokenLink {
            height: block.height,
            hash: block.hash.to_string(),
            prev_hash: block.prev_hash.to_string(),
            cursor: format!("{} at height {}", cursor.hash.as_deref().unwrap_or("no block"), cursor.height),
        }
    }
}
