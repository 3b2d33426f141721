//! The journal.

use piecework_api::Event;
use piecework_interface::ids::{AccountNo, BatchId};
use serde_json::value::RawValue;
use sqlx::{PgConnection, types::Json};

use super::optional;
use crate::{StoreError, columns::narrow};

/// A journal line with what it changed.
#[derive(Clone, Debug)]
pub struct EventChanges {
    /// The line.
    pub event: Event,
    /// Batches that it changed, or whose lots it changed, in order.
    pub batches: Vec<BatchId>,
    /// Accounts that it changed, in order.
    pub accounts: Vec<AccountNo>,
}

/// Lines with numbers from `since_seq` on, in order.
///
/// # Errors
/// The read failed.
pub async fn event_list(db: &mut PgConnection, since_seq: u64, limit: u32) -> Result<Vec<EventChanges>, StoreError> {
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
        let event = Event {
            seq: narrow(row.seq, "events.seq")?,
            height: narrow(row.height, "events.height")?,
            block_at: narrow(row.block_at, "events.block_at")?,
            receipt_id: row.receipt_id,
            tx_hash: row.tx_hash,
            event: row.event,
            node: optional(row.node, "events.node")?.map(AccountNo),
            log: row.entries.0,
            line: Some(row.line),
        };
        let batches = numbers(row.batches, "events.batches")?.map(BatchId).collect();
        let accounts = numbers(row.accounts, "events.accounts")?.map(AccountNo).collect();
        Ok(EventChanges { event, batches, accounts })
    })
    .collect()
}

/// A column of numbers.
fn numbers(column: Vec<i64>, name: &'static str) -> Result<impl Iterator<Item = u32>, StoreError> {
    Ok(column.into_iter().map(|number| narrow(number, name)).collect::<Result<Vec<_>, _>>()?.into_iter())
}
