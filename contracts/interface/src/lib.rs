#![doc = include_str!("../README.md")]
#![expect(clippy::as_conversions, reason = "in wasm `usize` has 32 bits, and codes are enums")]

pub mod model;
pub mod rules;
pub mod wire;

pub use model::{
    account_id, amount, answers, case, config, draw, governance, history, ids, item_set, key, skip, terms, view,
};
pub use rules::{
    admit, classes, commitment, defaults, dispute, due, journal, keys, lots, merkle, money, node, reputation, round,
    segments, settlement, sortition, storage, tally,
};
pub use wire::{args, call, event, intent, op};

/// A SHA-256 function: the host call inside the contract, `host::sha256` elsewhere.
pub type Sha256 = fn(&[u8]) -> [u8; 32];

/// What only code outside the contract uses.
#[cfg(feature = "host")]
pub mod host {
    use sha2::{Digest, Sha256};

    /// SHA-256 in software.
    #[must_use]
    pub fn sha256(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }
}
