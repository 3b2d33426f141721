#![doc = include_str!("../README.md")]

pub mod amount;
pub mod call;
pub mod case;
pub mod codec;
pub mod commitment;
pub mod config;
pub mod defaults;
pub mod draw;
pub mod event;
pub mod forms;
pub mod gold;
pub mod governance;
pub mod ids;
pub mod intent;
pub mod journal;
pub mod json;
pub mod lots;
pub mod merkle;
pub mod money;
pub mod node;
pub mod op;
#[cfg(feature = "host")]
pub mod replay;
pub mod reputation;
pub mod revenue;
pub mod round;
pub mod settlement;
pub mod skip;
pub mod sortition;
pub mod storage;
pub mod tally;
pub mod terms;
pub mod view;

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
