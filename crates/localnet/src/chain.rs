//! The chain: blocks made one after another on top of the runtime, and everything that can be asked about them.

mod block;
mod clock;
mod disk;
mod genesis;
mod history;
mod merkle;
mod patch;
mod pool;
mod producer;
mod status;
mod view;

pub use block::Block;
pub use clock::ChainClock;
pub use genesis::GenesisError;
pub use history::{History, OutcomePlace};
pub use merkle::MerkleTree;
pub use producer::{Chain, ChainError};
pub use status::TransactionStatus;
pub use view::ChainView;
