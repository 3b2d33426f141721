//! The stored journal, in order, with all that a replay needs.

use std::collections::BTreeMap;

use piecework_interface::ids::{BatchId, LotId};
use piecework_replay::Reveal;
use sqlx::PgConnection;

use crate::{
    StoreError,
    columns::{digest, narrow, widen},
};

/// A stored line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLine {
    /// Number.
    pub seq: u64,
    /// Height of its block.
    pub height: u64,
    /// Time of its block, Unix seconds.
    pub block_at: u32,
    /// The line as logged.
    pub line: String,
    /// What its reveal entries show, in order.
    pub reveals: Vec<Reveal>,
}

/// Lines from `from` on, at most `limit`.
///
/// # Errors
/// The database failed.
pub async fn line_list(conn: &mut PgConnection, from: u64, limit: u16) -> Result<Vec<StoredLine>, StoreError> {
    let from = widen(from, "events.seq")?;
    let rows = sqlx::query!(
        "SELECT seq, height, block_at, line FROM events WHERE seq >= $1 ORDER BY seq LIMIT $2",
        from,
        i64::from(limit)
    )
    .fetch_all(&mut *conn)
    .await?;
    let Some(last) = rows.last().map(|row| row.seq) else {
        return Ok(Vec::new());
    };
    let reveals = sqlx::query!(
        "SELECT seq, batch, lot, answers, salt FROM reveals WHERE seq BETWEEN $1 AND $2 ORDER BY seq, position",
        from,
        last
    )
    .fetch_all(conn)
    .await?;
    let mut by_line: BTreeMap<i64, Vec<Reveal>> = BTreeMap::new();
    for row in reveals {
        by_line.entry(row.seq).or_default().push(Reveal {
            batch: BatchId(narrow(row.batch, "reveals.batch")?),
            lot: LotId(narrow(row.lot, "reveals.lot")?),
            answers: row.answers,
            salt: digest(row.salt, "reveals.salt")?,
        });
    }
    rows.into_iter()
        .map(|row| {
            Ok(StoredLine {
                seq: narrow(row.seq, "events.seq")?,
                height: narrow(row.height, "events.height")?,
                block_at: narrow(row.block_at, "events.block_at")?,
                line: row.line,
                reveals: by_line.remove(&row.seq).unwrap_or_default(),
            })
        })
        .collect()
}
