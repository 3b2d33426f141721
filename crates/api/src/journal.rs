//! The journal.

use piecework_interface::ids::AccountNo;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A journal line as the API answers it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Event {
    /// Number of the line, from 0 without gaps.
    #[cfg_attr(feature = "schema", schema(example = 12))]
    pub seq: u64,
    /// Height of its block.
    pub height: u64,
    /// Unix time of its block, seconds.
    pub block_at: u32,
    /// Receipt that logged it, base58.
    pub receipt_id: String,
    /// Transaction, base58; absent where the block source does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<String>,
    /// Contract method that wrote it.
    #[cfg_attr(feature = "schema", schema(example = "work"))]
    pub event: String,
    /// Number of the account of the node whose call it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<AccountNo>,
    /// What happened, in order: arrays that begin with their tag, as the contract logged them.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Vec<serde_json::Value>>, example = json!([["claim", 0, 3, null]])))]
    pub log: Box<RawValue>,
    /// The line as logged; `head' = sha256(head ‖ line)`. Only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

/// A page of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EventPage {
    /// The lines, in order, without gaps.
    pub items: Vec<Event>,
    /// `since_seq` of the next page, which may not be written yet.
    pub next_seq: u64,
}
