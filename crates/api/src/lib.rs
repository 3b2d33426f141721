#![doc = include_str!("../README.md")]

pub mod account;
pub mod batch;
pub mod blob;
#[cfg(feature = "client")]
pub mod client;
pub mod health;
mod hex_option;
pub mod journal;
pub mod lot;
pub mod manifest;
pub mod network;
pub mod node;
pub mod page;
pub mod problem;
pub mod token;

pub use account::{Account, LedgerEntry};
pub use blob::Stored;
pub use batch::{Batch, BatchState, Counts, LotResult};
pub use health::{Indexed, Reconciliation, Status};
pub use journal::{Event, EventPage};
pub use lot::{Lot, LotState, LotStates, LotWithSlots, Settlement, Slot, SlotPhase};
pub use manifest::Manifest;
pub use network::{BatchTotals, ItemTotals, LotTotals, Network, NodeTotals, TokenTotals};
pub use node::Node;
pub use page::Page;
pub use problem::{Problem, ProblemKind};
pub use token::Token;
