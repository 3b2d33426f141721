//! The node operator's daemon.

pub mod core;
pub mod record;
