//! Gold: answers to some items that a requester fixes by a root before work starts, and opens once work has ended.
//!
//! A leaf is `sha256(0 ‖ "piecework gold 1" ‖ manifest root ‖ item ‖ salt ‖ answer)`, the item in 4 bytes, little-endian. Leaves stand in
//! the order of their items in the tree of `merkle`, and the root on the creation's line is
//! `sha256(2 ‖ "piecework gold 1" ‖ leaves ‖ tree)`, leaves in 4 bytes: an opening shows how many there are. Salts keep an answer of one byte
//! from being guessed from its leaf. An item with two leaves has no gold: only a root of which every leaf is open cannot hide one.

mod document;
mod report;
mod secret;

pub use document::{Fault, GoldDocument, GoldError, GoldRoot, Opening};
pub use report::{
    BatchGold, GoldCopy, GoldItem, GoldPage, GoldStored, NodeGold, Said, against, contradicted, copies, per_node,
};
pub use secret::{GoldAnswer, GoldSecret, SecretError};

use piecework_interface::ids::Digest;

use crate::{BatchState, LotState};

/// Version of a document and of a requester's file.
pub const VERSION: u8 = 1;
/// Leaves under a root at most: they bound what a gateway keeps and counts of a batch.
pub const LEAVES_MAX: u32 = 1024;
/// Bytes of a document at most: those of [`LEAVES_MAX`] openings of the widest answers.
pub const DOCUMENT_MAX: u64 = 1 << 20;

/// The root of a batch without gold.
pub const NONE: Digest = [0; 32];

/// Whether nodes may still answer items of a lot: an opening of one would feed copiers. A jury's answers count.
#[must_use]
pub const fn takes_answers(batch: BatchState, lot: LotState) -> bool {
    match lot {
        LotState::Open => matches!(batch, BatchState::Open),
        LotState::Working | LotState::Revealing => true,
        LotState::Provisional | LotState::Judging | LotState::Settled | LotState::Withdrawn => false,
    }
}

#[cfg(test)]
mod tests;
