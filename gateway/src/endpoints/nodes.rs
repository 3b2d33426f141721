//! Nodes.

pub mod get;
pub mod list;
pub mod slots;
pub mod stakes;
