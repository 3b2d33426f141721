//! Blocks, receipts, lines and what they reveal: rows that are inserted once.

use sqlx::PgTransaction;

use crate::{
    StoreError,
    change::{BlockRow, EventRow, ReceiptRow, RevealRow},
    columns::{expect_rows, narrow, widen},
};

pub(super) async fn block_insert(tx: &mut PgTransaction<'_>, rows: &[BlockRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let column = |value: fn(&BlockRow) -> u64, name| {
        rows.iter().map(|row| widen(value(row), name)).collect::<Result<Vec<_>, _>>()
    };
    let hash: Vec<_> = rows.iter().map(|row| row.hash.clone()).collect();
    let prev_hash: Vec<_> = rows.iter().map(|row| row.prev_hash.clone()).collect();
    let inserted = sqlx::query!(
        "INSERT INTO blocks (height, hash, prev_hash, timestamp_ns, first_seq, events)
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])",
        &column(|row| row.height, "blocks.height")?,
        &hash,
        &prev_hash,
        &column(|row| row.timestamp_ns, "blocks.timestamp_ns")?,
        &column(|row| row.first_seq, "blocks.first_seq")?,
        &column(|row| row.events, "blocks.events")?,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("block_insert", rows.len(), inserted)
}

pub(super) async fn receipt_insert(tx: &mut PgTransaction<'_>, rows: &[ReceiptRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let text = |value: fn(&ReceiptRow) -> &String| rows.iter().map(|row| value(row).clone()).collect::<Vec<_>>();
    let height: Vec<i64> = rows.iter().map(|row| widen(row.height, "receipts.height")).collect::<Result<_, _>>()?;
    let position: Vec<i32> =
        rows.iter().map(|row| narrow(row.position, "receipts.position")).collect::<Result<_, _>>()?;
    let tx_hash: Vec<_> = rows.iter().map(|row| row.tx_hash.clone()).collect();
    // An array of arrays cannot be unnested row by row; a method's name has no comma.
    let methods: Vec<_> = rows.iter().map(|row| row.methods.join(",")).collect();
    let gas_burnt: Vec<i64> =
        rows.iter().map(|row| widen(row.gas_burnt, "receipts.gas_burnt")).collect::<Result<_, _>>()?;
    let inserted = sqlx::query!(
        "INSERT INTO receipts (receipt_id, height, position, predecessor_id, signer_id, tx_hash, methods, gas_burnt)
         SELECT receipt_id, height, position, predecessor_id, signer_id, tx_hash, string_to_array(methods, ','), gas_burnt
         FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[])
           AS row (receipt_id, height, position, predecessor_id, signer_id, tx_hash, methods, gas_burnt)",
        &text(|row| &row.receipt_id),
        &height,
        &position,
        &text(|row| &row.predecessor_id),
        &text(|row| &row.signer_id),
        &tx_hash as &[Option<String>],
        &methods,
        &gas_burnt,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("receipt_insert", rows.len(), inserted)
}

pub(super) async fn event_insert(tx: &mut PgTransaction<'_>, rows: &[EventRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let text = |value: fn(&EventRow) -> &String| rows.iter().map(|row| value(row).clone()).collect::<Vec<_>>();
    let seq: Vec<i64> = rows.iter().map(|row| widen(row.seq, "events.seq")).collect::<Result<_, _>>()?;
    let height: Vec<i64> = rows.iter().map(|row| widen(row.height, "events.height")).collect::<Result<_, _>>()?;
    let block_at: Vec<i64> = rows.iter().map(|row| i64::from(row.block_at)).collect();
    let node: Vec<Option<i64>> = rows.iter().map(|row| row.node.map(|node| i64::from(node.0))).collect();
    // An array of arrays cannot be unnested row by row: each goes as its text.
    let batches: Vec<_> = rows.iter().map(|row| array(row.batches.iter().map(|batch| batch.0))).collect();
    let accounts: Vec<_> = rows.iter().map(|row| array(row.accounts.iter().map(|account| account.0))).collect();
    let inserted = sqlx::query!(
        "INSERT INTO events (seq, height, receipt_id, block_at, event, node, entries, line, batches, accounts)
         SELECT seq, height, receipt_id, block_at, event, node, entries::json, line, batches::bigint[], accounts::bigint[]
         FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::text[],
                     $9::text[], $10::text[])
           AS row (seq, height, receipt_id, block_at, event, node, entries, line, batches, accounts)",
        &seq,
        &height,
        &text(|row| &row.receipt_id),
        &block_at,
        &text(|row| &row.event),
        &node as &[Option<i64>],
        &text(|row| &row.entries),
        &text(|row| &row.line),
        &batches,
        &accounts,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("event_insert", rows.len(), inserted)
}

/// The text of an array of numbers: `{1,2}`.
fn array(numbers: impl Iterator<Item = u32>) -> String {
    let numbers: Vec<_> = numbers.map(|number| number.to_string()).collect();
    format!("{{{}}}", numbers.join(","))
}

pub(super) async fn reveal_insert(tx: &mut PgTransaction<'_>, rows: &[RevealRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let seq: Vec<i64> = rows.iter().map(|row| widen(row.seq, "reveals.seq")).collect::<Result<_, _>>()?;
    let position: Vec<i16> = rows.iter().map(|row| i16::from(row.position)).collect();
    let batch: Vec<i64> = rows.iter().map(|row| i64::from(row.reveal.batch.0)).collect();
    let lot: Vec<i64> = rows.iter().map(|row| i64::from(row.reveal.lot.0)).collect();
    let answers: Vec<_> = rows.iter().map(|row| row.reveal.answers.clone()).collect();
    let salt: Vec<_> = rows.iter().map(|row| row.reveal.salt.to_vec()).collect();
    let inserted = sqlx::query!(
        "INSERT INTO reveals (seq, position, batch, lot, answers, salt)
         SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[])",
        &seq,
        &position,
        &batch,
        &lot,
        &answers,
        &salt,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("reveal_insert", rows.len(), inserted)
}
