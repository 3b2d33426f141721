#![doc = include_str!("../README.md")]

pub mod columns;
pub mod connect;
pub mod error;
pub mod read;
pub mod units;

pub use connect::{DatabaseUrl, connect, migrate, schema_check};
pub use error::StoreError;
pub use sqlx::{PgConnection, PgPool, PgTransaction};
pub use units::Units;
