//! Slots.

use std::collections::BTreeMap;

use piecework_api::SlotPhase;
use piecework_interface::{
    history::SlotEnd,
    ids::{BatchId, LotId},
};
use sqlx::PgTransaction;

use crate::{
    StoreError, Units,
    change::{SlotEnded, SlotRow},
    columns::{expect_rows, item_bits, name, widen},
};

pub(super) async fn slot_upsert(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<(BatchId, LotId, u64), SlotRow>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let batch: Vec<i64> = rows.keys().map(|(batch, ..)| i64::from(batch.0)).collect();
    let lot: Vec<i64> = rows.keys().map(|(_, lot, _)| i64::from(lot.0)).collect();
    let claimed_seq: Vec<i64> =
        rows.keys().map(|(.., seq)| widen(*seq, "slots.claimed_seq")).collect::<Result<_, _>>()?;
    let node: Vec<i64> = rows.values().map(|row| i64::from(row.node.0)).collect();
    let round: Vec<i16> = rows.values().map(|row| i16::from(row.round)).collect();
    let position: Vec<Option<i16>> = rows.values().map(|row| row.position.map(i16::from)).collect();
    let phase: Vec<String> = rows.values().map(|row| name(&phase(row))).collect::<Result<_, _>>()?;
    let reserved_until: Vec<i64> = rows.values().map(|row| i64::from(row.reserved_until)).collect();
    let claimed_at: Vec<i64> = rows.values().map(|row| i64::from(row.claimed_at)).collect();
    let commitment: Vec<Option<Vec<u8>>> = rows.values().map(|row| Some(row.committed.as_ref()?.0.to_vec())).collect();
    let committed_at: Vec<Option<i64>> = rows.values().map(|row| Some(i64::from(row.committed.as_ref()?.1))).collect();
    let answers: Vec<Option<Vec<u8>>> = rows.values().map(|row| Some(row.revealed.as_ref()?.0.clone())).collect();
    let revealed_at: Vec<Option<i64>> = rows.values().map(|row| Some(i64::from(row.revealed.as_ref()?.1))).collect();
    let ended = |value: fn(&SlotEnded) -> Option<i64>| {
        rows.values().map(|row| value(row.end.as_ref()?)).collect::<Vec<Option<i64>>>()
    };
    let outcome: Vec<Option<String>> = rows
        .values()
        .map(|row| row.end.as_ref().map(|ended| name(&ended.end)).transpose())
        .collect::<Result<_, _>>()?;
    let units = |value: fn(&SlotEnded) -> u128| {
        rows.values().map(|row| Units(row.end.as_ref().map_or(0, value))).collect::<Vec<_>>()
    };
    let reputation: Vec<Option<i32>> = rows.values().map(|row| row.end.as_ref()?.reputation.map(i32::from)).collect();
    let written = sqlx::query!(
        "INSERT INTO slots (batch, lot, claimed_seq, node, round, position, phase, reserved_until, commitment, answers,
                            claimed_at, committed_at, revealed_at, outcome, pay, slash, reputation, agreed, ended_at)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::smallint[],
                              $7::text[], $8::bigint[], $9::bytea[], $10::bytea[], $11::bigint[], $12::bigint[],
                              $13::bigint[], $14::text[], $15::numeric[], $16::numeric[], $17::integer[], $18::bigint[],
                              $19::bigint[])
         ON CONFLICT (batch, lot, claimed_seq) DO UPDATE
         SET position = excluded.position, phase = excluded.phase, commitment = excluded.commitment,
             answers = excluded.answers, committed_at = excluded.committed_at, revealed_at = excluded.revealed_at,
             outcome = excluded.outcome, pay = excluded.pay, slash = excluded.slash, reputation = excluded.reputation,
             agreed = excluded.agreed, ended_at = excluded.ended_at
         WHERE slots.outcome IS NULL",
        &batch,
        &lot,
        &claimed_seq,
        &node,
        &round,
        &position as &[Option<i16>],
        &phase,
        &reserved_until,
        &commitment as &[Option<Vec<u8>>],
        &answers as &[Option<Vec<u8>>],
        &claimed_at,
        &committed_at as &[Option<i64>],
        &revealed_at as &[Option<i64>],
        &outcome as &[Option<String>],
        &units(|end| end.pay),
        &units(|end| end.slash),
        &reputation as &[Option<i32>],
        &ended(|end| (end.end == SlotEnd::Settled).then(|| item_bits(end.agreed))) as &[Option<i64>],
        &ended(|end| Some(i64::from(end.ended_at))) as &[Option<i64>],
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    // A slot that ended never changes again: its row would be missing from the count.
    expect_rows("slot_upsert", rows.len(), written)
}

const fn phase(row: &SlotRow) -> SlotPhase {
    match (&row.committed, &row.revealed) {
        (_, Some(_)) => SlotPhase::Revealed,
        (Some(_), None) => SlotPhase::Committed,
        (None, None) => SlotPhase::Reserved,
    }
}
