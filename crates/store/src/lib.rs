#![doc = include_str!("../README.md")]

pub mod account;
pub mod audit;
pub mod batch;
pub mod challenge;
pub mod change;
pub mod class;
mod columns;
pub mod connect;
pub mod cursor;
pub mod error;
pub mod journal;
pub mod ledger;
pub mod load;
pub mod lot;
pub mod network;
pub mod node;
mod reader;
pub mod reconciliation;
pub mod result;
pub mod segment;
pub mod settings;
pub mod slot;
pub mod stake;
pub mod token;
pub mod token_metadata;
pub mod units;
pub mod write;

pub use connect::{
    DatabaseUrl, PoolConfig, begin, begin_snapshot, begin_snapshot_for_rebuild, connect, connect_one, migrate,
    schema_check,
};
pub use error::StoreError;
pub use reader::{Reader, ReaderOptions, Snapshot, WakeUps};
pub use sqlx::{PgConnection, PgPool, PgTransaction};
pub use units::Units;
