//! Batches, lots and results.

use std::collections::BTreeMap;

use piecework_api::{BatchState, LotState};
use piecework_compact::json::to_string;
use piecework_interface::{
    ids::{BatchId, LotId},
    view::{self, Progress},
};
use sqlx::PgTransaction;

use crate::{
    StoreError, Units,
    change::{BatchRow, LotRow, NewBatch, ResultRow, RowStatus},
    columns::{expect_rows, item_bits, json, name, widen},
};

/// Inserts what a batch fixes. The rest has the values of an empty batch until [`batch_update`], which always follows.
pub(super) async fn batch_insert(tx: &mut PgTransaction<'_>, rows: &[NewBatch]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let batch: Vec<i64> = rows.iter().map(|row| i64::from(row.batch.0)).collect();
    let requester: Vec<i64> = rows.iter().map(|row| i64::from(row.requester.0)).collect();
    let token: Vec<i32> = rows.iter().map(|row| i32::from(row.token.0)).collect();
    let items: Vec<i64> = rows.iter().map(|row| i64::from(row.items)).collect();
    let manifest: Vec<_> = rows.iter().map(|row| row.manifest.to_vec()).collect();
    let gold_root: Vec<_> = rows.iter().map(|row| row.gold_root.to_vec()).collect();
    let uri: Vec<_> = rows.iter().map(|row| row.uri.clone()).collect();
    let terms: Vec<String> = rows.iter().map(|row| json(&row.terms)).collect::<Result<_, _>>()?;
    let fixed: Vec<String> = rows.iter().map(|row| json(&row.fixed)).collect::<Result<_, _>>()?;
    let created_at: Vec<i64> = rows.iter().map(|row| i64::from(row.created_at)).collect();
    let created_seq: Vec<i64> =
        rows.iter().map(|row| widen(row.created_seq, "batches.created_seq")).collect::<Result<_, _>>()?;
    let inserted = sqlx::query!(
        "INSERT INTO batches (batch, status, requester, token, items, manifest, gold_root, uri, terms, fixed, progress, escrow, settled,
                              results_root, created_at, created_seq, updated_seq)
         SELECT batch, 'open', requester, token, items, manifest, gold_root, uri, terms::jsonb, fixed::jsonb,
                $12::text::jsonb, 0, 0, $13, created_at, created_seq, created_seq
         FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::bigint[], $5::bytea[], $6::bytea[], $7::text[],
                     $8::text[], $9::text[], $10::bigint[], $11::bigint[])
           AS row (batch, requester, token, items, manifest, gold_root, uri, terms, fixed, created_at, created_seq)",
        &batch,
        &requester,
        &token,
        &items,
        &manifest,
        &gold_root,
        &uri,
        &terms,
        &fixed,
        &created_at,
        &created_seq,
        json(&Progress::default())?,
        &[0_u8; 32],
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("batch_insert", rows.len(), inserted)
}

pub(super) async fn batch_update(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<BatchId, BatchRow>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let batch: Vec<i64> = rows.keys().map(|batch| i64::from(batch.0)).collect();
    let status: Vec<String> = rows.values().map(|row| status_name(row.status)).collect::<Result<_, _>>()?;
    let progress: Vec<Option<String>> =
        rows.values().map(|row| row.progress.as_ref().map(json).transpose()).collect::<Result<_, _>>()?;
    let escrow: Vec<_> = rows.values().map(|row| Units(row.escrow)).collect();
    let settled: Vec<i64> = rows.values().map(|row| i64::from(row.settled)).collect();
    let results_root: Vec<_> = rows.values().map(|row| row.results_root.to_vec()).collect();
    let callback: Vec<Option<String>> =
        rows.values().map(|row| row.callback.as_ref().map(json).transpose()).collect::<Result<_, _>>()?;
    let ended_at: Vec<Option<i64>> = rows.values().map(|row| row.ended_at.map(i64::from)).collect();
    let updated_seq: Vec<i64> =
        rows.values().map(|row| widen(row.updated_seq, "batches.updated_seq")).collect::<Result<_, _>>()?;
    let updated = sqlx::query!(
        "UPDATE batches b
         SET status = row.status, progress = coalesce(row.progress::jsonb, b.progress), escrow = row.escrow,
             settled = row.settled, results_root = row.results_root, callback = row.callback::jsonb,
             ended_at = coalesce(row.ended_at, b.ended_at), updated_seq = row.updated_seq
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::numeric[], $5::bigint[], $6::bytea[], $7::text[],
                     $8::bigint[], $9::bigint[])
           AS row (batch, status, progress, escrow, settled, results_root, callback, ended_at, updated_seq)
         WHERE b.batch = row.batch",
        &batch,
        &status,
        &progress as &[Option<String>],
        &escrow,
        &settled,
        &results_root,
        &callback as &[Option<String>],
        &ended_at as &[Option<i64>],
        &updated_seq,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("batch_update", rows.len(), updated)
}

pub(super) async fn lot_upsert(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<(BatchId, LotId), LotRow>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let batch: Vec<i64> = rows.keys().map(|(batch, _)| i64::from(batch.0)).collect();
    let lot: Vec<i64> = rows.keys().map(|(_, lot)| i64::from(lot.0)).collect();
    let number =
        |value: fn(&view::LotState) -> u32| rows.values().map(|row| i64::from(value(&row.state))).collect::<Vec<_>>();
    let phase: Vec<String> = rows
        .values()
        .map(|row| if row.settled { name(&LotState::Settled) } else { name(&row.state.phase) })
        .collect::<Result<_, _>>()?;
    let round: Vec<i16> = rows.values().map(|row| i16::from(row.state.round)).collect();
    // An array of arrays cannot be unnested row by row.
    let leavers: Vec<String> = rows
        .values()
        .map(|row| row.state.leavers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
        .collect();
    let open_items: Vec<i64> = rows.values().map(|row| item_bits(row.state.open_items)).collect();
    let draw: Vec<String> = rows.values().map(|row| json(&row.state.draw)).collect::<Result<_, _>>()?;
    // As the contract's views write it, with item sets as numbers: rows of all versions of this program are equal.
    let case: Vec<Option<String>> = rows.values().map(|row| Some(to_string(row.state.case.as_deref()?))).collect();
    let updated_seq: Vec<i64> =
        rows.values().map(|row| widen(row.updated_seq, "lots.updated_seq")).collect::<Result<_, _>>()?;
    let written = sqlx::query!(
        r#"INSERT INTO lots (batch, lot, phase, round, clock_at, phase_at, phase_height, leavers, open_items, draw, "case",
                           updated_seq)
         SELECT batch, lot, phase, round, clock_at, phase_at, phase_height, string_to_array(leavers, ',')::bigint[],
                open_items, draw::jsonb, "case"::jsonb, updated_seq
         FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::smallint[], $5::bigint[], $6::bigint[], $7::bigint[],
                     $8::text[], $9::bigint[], $10::text[], $11::text[], $12::bigint[])
           AS row (batch, lot, phase, round, clock_at, phase_at, phase_height, leavers, open_items, draw, "case",
                   updated_seq)
         ON CONFLICT (batch, lot) DO UPDATE
         SET phase = excluded.phase, round = excluded.round, clock_at = excluded.clock_at, phase_at = excluded.phase_at,
             phase_height = excluded.phase_height, leavers = excluded.leavers, open_items = excluded.open_items,
             draw = excluded.draw, "case" = excluded."case", updated_seq = excluded.updated_seq"#,
        &batch,
        &lot,
        &phase,
        &round,
        &number(|lot| lot.clock_at),
        &number(|lot| lot.phase_at),
        &number(|lot| lot.phase_height),
        &leavers,
        &open_items,
        &draw,
        &case as &[Option<String>],
        &updated_seq,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("lot_upsert", rows.len(), written)
}

pub(super) async fn result_insert(tx: &mut PgTransaction<'_>, rows: &[ResultRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let batch: Vec<i64> = rows.iter().map(|row| i64::from(row.result.batch.0)).collect();
    let lot: Vec<i64> = rows.iter().map(|row| i64::from(row.result.lot.0)).collect();
    let n: Vec<i64> = rows.iter().map(|row| i64::from(row.result.n)).collect();
    let accepted: Vec<i64> = rows.iter().map(|row| item_bits(row.result.accepted)).collect();
    let digest: Vec<_> = rows.iter().map(|row| row.result.digest.to_vec()).collect();
    let answers: Vec<_> = rows.iter().map(|row| row.result.answers.bytes.clone()).collect();
    let fee: Vec<_> = rows.iter().map(|row| Units(row.result.fee)).collect();
    let refund: Vec<_> = rows.iter().map(|row| Units(row.result.refund)).collect();
    let settled_at: Vec<i64> = rows.iter().map(|row| i64::from(row.settled_at)).collect();
    let seq: Vec<i64> = rows.iter().map(|row| widen(row.seq, "results.seq")).collect::<Result<_, _>>()?;
    let inserted = sqlx::query!(
        "INSERT INTO results (batch, lot, n, accepted, digest, answers, fee, refund, settled_at, seq)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[],
                              $7::numeric[], $8::numeric[], $9::bigint[], $10::bigint[])",
        &batch,
        &lot,
        &n,
        &accepted,
        &digest,
        &answers,
        &fee,
        &refund,
        &settled_at,
        &seq,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("result_insert", rows.len(), inserted)
}

fn status_name(status: RowStatus) -> Result<String, StoreError> {
    match status {
        RowStatus::Kept(status) => name(&status),
        RowStatus::Forgotten => name(&BatchState::Forgotten),
    }
}
