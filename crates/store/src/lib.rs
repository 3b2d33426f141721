#![doc = include_str!("../README.md")]

pub mod audit;
pub mod change;
pub mod columns;
pub mod connect;
pub mod cursor;
pub mod error;
pub mod journal;
pub mod load;
pub mod read;
pub mod reconciliation;
pub mod token_metadata;
pub mod units;
pub mod write;

pub use connect::{
    DatabaseUrl, PoolConfig, begin, begin_snapshot, begin_snapshot_for_rebuild, connect, connect_one, migrate,
    schema_check,
};
pub use error::StoreError;
pub use sqlx::{PgConnection, PgPool, PgTransaction};
pub use units::Units;
