//! How a gateway and its mirror are.

use piecework_interface::ids::Digest;
use serde::{Deserialize, Serialize};

/// How the gateway and its mirror are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Status {
    /// Version of the gateway.
    pub version: String,
    /// Whether `/readyz` answers 200.
    pub ready: bool,
    /// What keeps it from being ready.
    pub missing: Vec<String>,
    /// The mirror; absent before its first block.
    pub indexed: Option<Indexed>,
    /// The last comparison of the mirror with the contract's views.
    pub reconciliation: Option<Reconciliation>,
    /// Stream clients.
    pub stream_clients: usize,
}

/// Where the mirror stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Indexed {
    /// Account id of the mirrored contract.
    pub contract_id: String,
    /// Chain.
    pub chain_id: String,
    /// Height of the last block.
    pub height: u64,
    /// Its hash, base58.
    pub hash: String,
    /// Its time, Unix seconds.
    pub block_at: u64,
    /// Journal lines.
    pub next_seq: u64,
    /// `sha256(head ‖ line)` over all of them, hex.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub journal_head: Digest,
    /// Final height of the chain when the block was applied.
    pub chain_height: u64,
    /// Blocks the mirror was behind then.
    pub lag_blocks: u64,
    /// Age of the block, seconds.
    pub lag_s: u64,
}

/// A comparison of the mirror with the contract's views.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reconciliation {
    /// Mirror equal, journal verified and money conserved.
    pub ok: bool,
    /// Block at which both sides were read.
    pub height: u64,
    /// Its time, Unix seconds.
    pub block_at: u32,
    /// Rows compared.
    pub rows: u64,
    /// Rows that differ or exist on one side only.
    pub mismatches: u64,
}
