//! The journal.

use piecework_interface::ids::{AccountNo, BatchId};
use serde_json::value::RawValue;
use sqlx::{PgConnection, types::Json};

use super::optional;
use crate::{StoreError, columns::narrow};

/// A journal line.
#[derive(Clone, Debug)]
pub struct Event {
    /// Number.
    pub seq: u64,
    /// Height of its block.
    pub height: u64,
    /// Unix time of its block, seconds.
    pub block_at: u32,
    /// Receipt that logged it, base58.
    pub receipt_id: String,
    /// Transaction, base58; `None` where the block source does not tell.
    pub tx_hash: Option<String>,
    /// Method that wrote it.
    pub event: String,
    /// Node whose call it was.
    pub node: Option<AccountNo>,
    /// Batches that the line changed, or whose lots it changed, in order.
    pub batches: Vec<BatchId>,
    /// Accounts that the line changed, in order.
    pub accounts: Vec<AccountNo>,
    /// What happened, in order: the line's `data.log`.
    pub entries: Box<RawValue>,
    /// The line as logged.
    pub line: String,
}

/// Lines with numbers from `since_seq` on, in order.
///
/// # Errors
/// The read failed.
pub async fn event_list(db: &mut PgConnection, since_seq: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
    // A number beyond the column's range is beyond the journal's end.
    let Ok(since_seq) = i64::try_from(since_seq) else { return Ok(Vec::new()) };
    sqlx::query!(
        r#"SELECT e.seq, e.height, e.block_at, e.receipt_id, r.tx_hash, e.event, e.node,
                  e.batches, e.accounts, e.entries AS "entries: Json<Box<RawValue>>", e.line
           FROM events e JOIN receipts r USING (receipt_id)
           WHERE e.seq >= $1
           ORDER BY e.seq
           LIMIT $2"#,
        since_seq,
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Event {
            seq: narrow(row.seq, "events.seq")?,
            height: narrow(row.height, "events.height")?,
            block_at: narrow(row.block_at, "events.block_at")?,
            receipt_id: row.receipt_id,
            tx_hash: row.tx_hash,
            event: row.event,
            node: optional(row.node, "events.node")?.map(AccountNo),
            batches: numbers(row.batches, "events.batches")?.map(BatchId).collect(),
            accounts: numbers(row.accounts, "events.accounts")?.map(AccountNo).collect(),
            entries: row.entries.0,
            line: row.line,
        })
    })
    .collect()
}

/// A column of numbers.
fn numbers(column: Vec<i64>, name: &'static str) -> Result<impl Iterator<Item = u32>, StoreError> {
    Ok(column.into_iter().map(|number| narrow(number, name)).collect::<Result<Vec<_>, _>>()?.into_iter())
}
