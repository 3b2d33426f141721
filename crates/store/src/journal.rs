//! The journal: blocks, receipts, lines and what they reveal, which are inserted once and read in order.

use std::collections::BTreeMap;

use piecework_api::Event;
use piecework_interface::ids::{AccountNo, BatchId, LotId};
use piecework_replay::Reveal;
use serde_json::value::RawValue;
use sqlx::{PgConnection, PgTransaction, types::Json};

use crate::{
    StoreError,
    change::{BlockRow, EventRow, ReceiptRow, RevealKey},
    columns::{column, digest, narrow, optional, widen, write},
};

pub(crate) async fn block_insert(tx: &mut PgTransaction<'_>, rows: &[BlockRow]) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO blocks (height, hash, prev_hash, timestamp_ns, first_seq, events)
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])",
        &column(rows, |row| row.height)?,
        &column(rows, |row| row.hash.as_str())?,
        &column(rows, |row| row.prev_hash.as_str())?,
        &column(rows, |row| row.timestamp_ns)?,
        &column(rows, |row| row.first_seq)?,
        &column(rows, |row| row.events)?,
    );
    write(tx, "block_insert", rows.len(), query).await
}

pub(crate) async fn receipt_insert(tx: &mut PgTransaction<'_>, rows: &[ReceiptRow]) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO receipts (receipt_id, height, position, predecessor_id, signer_id, tx_hash, methods, gas_burnt)
         SELECT receipt_id, height, position, predecessor_id, signer_id, tx_hash, string_to_array(methods, ','), gas_burnt
         FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[])
           AS row (receipt_id, height, position, predecessor_id, signer_id, tx_hash, methods, gas_burnt)",
        &column(rows, |row| row.receipt_id.as_str())?,
        &column(rows, |row| row.height)?,
        &column(rows, |row| row.position)?,
        &column(rows, |row| row.predecessor_id.as_str())?,
        &column(rows, |row| row.signer_id.as_str())?,
        &column(rows, |row| row.tx_hash.as_deref())? as _,
        // An array of arrays cannot be unnested row by row; a method's name has no comma.
        &column(rows, |row| row.methods.join(","))?,
        &column(rows, |row| row.gas_burnt)?,
    );
    write(tx, "receipt_insert", rows.len(), query).await
}

pub(crate) async fn event_insert(tx: &mut PgTransaction<'_>, rows: &[EventRow]) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO events (seq, height, receipt_id, block_at, event, node, entries, line, batches, accounts)
         SELECT seq, height, receipt_id, block_at, event, node, entries::json, line, batches::bigint[], accounts::bigint[]
         FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::text[],
                     $9::text[], $10::text[])
           AS row (seq, height, receipt_id, block_at, event, node, entries, line, batches, accounts)",
        &column(rows, |row| row.seq)?,
        &column(rows, |row| row.height)?,
        &column(rows, |row| row.receipt_id.as_str())?,
        &column(rows, |row| row.block_at)?,
        &column(rows, |row| row.event.as_str())?,
        &column(rows, |row| row.node)? as _,
        &column(rows, |row| row.entries.as_str())?,
        &column(rows, |row| row.line.as_str())?,
        // An array of arrays cannot be unnested row by row: each goes as its text.
        &column(rows, |row| array(row.batches.iter().map(|batch| batch.0)))?,
        &column(rows, |row| array(row.accounts.iter().map(|account| account.0)))?,
    );
    write(tx, "event_insert", rows.len(), query).await
}

/// The text of an array of numbers: `{1,2}`.
fn array(numbers: impl Iterator<Item = u32>) -> String {
    let numbers: Vec<_> = numbers.map(|number| number.to_string()).collect();
    format!("{{{}}}", numbers.join(","))
}

pub(crate) async fn reveal_insert(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<RevealKey, Reveal>,
) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO reveals (seq, position, batch, lot, answers, salt)
         SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[])",
        &column(rows, |((seq, _), _)| *seq)?,
        &column(rows, |((_, position), _)| *position)?,
        &column(rows, |(_, reveal)| reveal.batch)?,
        &column(rows, |(_, reveal)| reveal.lot)?,
        &column(rows, |(_, reveal)| reveal.answers.as_slice())?,
        &column(rows, |(_, reveal)| reveal.salt)?,
    );
    write(tx, "reveal_insert", rows.len(), query).await
}

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
