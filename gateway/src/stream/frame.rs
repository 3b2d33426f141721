//! One journal line, serialized once for all clients.

use bytes::Bytes;
use piecework_interface::ids::{AccountNo, BatchId};
use piecework_store::read::event::Event;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A journal line as the API answers it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventBody {
    /// Number of the line, from 0 without gaps.
    #[schema(example = 12)]
    pub seq: u64,
    /// Height of its block.
    pub height: u64,
    /// Unix time of its block, seconds.
    pub block_at: u32,
    /// Receipt that logged it, base58.
    pub receipt_id: String,
    /// Transaction, base58; absent where the block source does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<String>,
    /// Contract method that wrote it.
    #[schema(example = "work")]
    pub event: String,
    /// Number of the account of the node whose call it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// What happened, in order: arrays that begin with their tag, as the contract logged them.
    #[schema(value_type = Vec<Vec<serde_json::Value>>, example = json!([["claim", 0, 3, null]]))]
    pub log: Box<RawValue>,
    /// The line as logged; `head' = sha256(head ‖ line)`. Only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

impl From<Event> for EventBody {
    fn from(event: Event) -> Self {
        Self {
            seq: event.seq,
            height: event.height,
            block_at: event.block_at,
            receipt_id: event.receipt_id,
            tx_hash: event.tx_hash,
            event: event.event,
            node: event.node.map(|node| node.0),
            log: event.entries,
            line: Some(event.line),
        }
    }
}

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
    pub fn new(mut event: Event) -> Self {
        let seq = event.seq;
        let (batches, accounts) = (std::mem::take(&mut event.batches), std::mem::take(&mut event.accounts));
        let body = EventBody { line: None, ..EventBody::from(event) };
        // The body is a struct of numbers, strings and JSON, which always has a JSON form; JSON has no line breaks.
        let json = serde_json::to_string(&body).unwrap_or_default();
        Self { seq, batches, accounts, bytes: Bytes::from(format!("id: {seq}\ndata: {json}\n\n")) }
    }

    /// A frame without content.
    #[cfg(test)]
    pub fn for_test(seq: u64) -> Self {
        let batches = vec![BatchId(u32::try_from(seq % 2).unwrap())];
        Self { seq, batches, accounts: Vec::new(), bytes: Bytes::from(format!("id: {seq}\ndata: {{}}\n\n")) }
    }
}
