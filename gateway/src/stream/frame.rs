//! One journal line, serialized once for all clients.

use bytes::Bytes;
use piecework_api::Event;
use piecework_interface::ids::{AccountNo, BatchId};
use piecework_store::journal::EventChanges;

/// A line ready to be sent.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Number of the line.
    pub seq: u64,
    /// Batches that it changed.
    pub batches: Vec<BatchId>,
    /// Accounts that it changed.
    pub accounts: Vec<AccountNo>,
    /// The server-sent event.
    pub bytes: Bytes,
}

impl Frame {
    /// Makes the frame of a line.
    #[must_use]
    pub fn new(EventChanges { event, batches, accounts }: EventChanges) -> Self {
        let seq = event.seq;
        let body = Event { line: None, ..event };
        // The body is a struct of numbers, strings and JSON, which always has a JSON form; JSON has no line breaks.
        let json = serde_json::to_string(&body).unwrap_or_default();
        Self { seq, batches, accounts, bytes: Bytes::from(format!("id: {seq}\ndata: {json}\n\n")) }
    }

    /// A frame without content.
    #[cfg(test)]
    pub fn for_test(seq: u64) -> Self {
        let batches = vec![BatchId(u32::from(seq % 2 == 1))];
        Self { seq, batches, accounts: Vec::new(), bytes: Bytes::from(format!("id: {seq}\ndata: {{}}\n\n")) }
    }
}
