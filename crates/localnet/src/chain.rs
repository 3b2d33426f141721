//! The chain: blocks made one after another on top of the runtime, and everything that can be asked about them.

mod clock;
mod error;
mod genesis;
mod history;
mod lagging;
mod pool;
mod producer;
mod retention;
mod status;
mod view;

pub use clock::ChainClock;
pub use error::ChainError;
pub use genesis::GenesisError;
pub use history::History;
pub use lagging::MOST_BEHIND;
pub use producer::Chain;
pub use retention::Keep;
pub use status::TransactionStatus;
pub use view::ChainView;
