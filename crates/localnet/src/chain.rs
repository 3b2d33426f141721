//! The chain: blocks made one after another on top of the runtime, and everything that can be asked about them.

mod block;
mod clock;
mod disk;
mod error;
mod genesis;
mod header;
mod history;
mod lagging;
mod merkle;
mod patch;
mod pool;
mod producer;
mod retention;
mod selection;
mod status;
mod view;

pub use block::Block;
pub use clock::ChainClock;
pub use error::ChainError;
pub use genesis::GenesisError;
pub use history::{History, OutcomePlace};
pub use lagging::MOST_BEHIND;
pub use merkle::MerkleTree;
pub use producer::Chain;
pub use retention::Keep;
pub use status::TransactionStatus;
pub use view::ChainView;
