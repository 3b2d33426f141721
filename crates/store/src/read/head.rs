//! Where the mirror stands.

use piecework_interface::amount::Amount;
use sqlx::PgConnection;

use crate::{
    StoreError,
    columns::{digest, narrow},
};

/// The last block the mirror applied, and the root record at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Account id of the mirrored contract.
    pub contract_id: String,
    /// Chain.
    pub chain_id: String,
    /// Height.
    pub height: u64,
    /// Hash, base58.
    pub hash: String,
    /// Time, Unix nanoseconds.
    pub timestamp_ns: u64,
    /// Final height of the chain when the block was applied.
    pub chain_height: u64,
    /// Number of the next journal line: lines written so far.
    pub next_seq: u64,
    /// Journal head: `sha256(head ‖ line)` over all lines.
    pub journal_head: [u8; 32],
    /// Sum of the tickets of active nodes.
    pub active_tickets: u32,
    /// Slashed NEAR, yoctoNEAR.
    pub insurance: Amount,
}

/// Reads the head; `None` before the indexer's first block.
///
/// # Errors
/// The read failed.
pub async fn head_get(db: &mut PgConnection) -> Result<Option<Head>, StoreError> {
    let Some(row) = sqlx::query!(
        "SELECT stream, chain_id, height, hash, timestamp_ns, chain_height, next_seq, head, active_tickets, insurance
         FROM cursor"
    )
    .fetch_optional(db)
    .await?
    else {
        return Ok(None);
    };
    let Some(hash) = row.hash else { return Ok(None) };
    Ok(Some(Head {
        contract_id: row.stream,
        chain_id: row.chain_id,
        height: narrow(row.height, "cursor.height")?,
        hash,
        timestamp_ns: narrow(row.timestamp_ns, "cursor.timestamp_ns")?,
        chain_height: narrow(row.chain_height, "cursor.chain_height")?,
        next_seq: narrow(row.next_seq, "cursor.next_seq")?,
        journal_head: digest(row.head, "cursor.head")?,
        active_tickets: narrow(row.active_tickets, "cursor.active_tickets")?,
        insurance: row.insurance.into(),
    }))
}
