//! Batches.

pub mod get;
pub mod list;
