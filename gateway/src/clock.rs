//! The only place that reads the wall clock: how old the mirror's last block is.

use std::time::{Duration, SystemTime};

use piecework_store::cursor::Cursor;

/// Age of a head. A chain whose time runs ahead has none.
#[must_use]
pub fn age(head: &Cursor) -> Duration {
    let block = SystemTime::UNIX_EPOCH + Duration::from_nanos(head.timestamp_ns);
    SystemTime::now().duration_since(block).unwrap_or_default()
}
