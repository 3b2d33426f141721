//! Lots of a batch.

pub mod get;
pub mod list;
pub mod states;
