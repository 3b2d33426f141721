//! Batches.

pub mod get;
pub mod list;
pub mod segments;
