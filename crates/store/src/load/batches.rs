//! Batches that are not forgotten, their results' ranges, live lots and live slots.

use std::collections::BTreeMap;

use piecework_interface::{
    case::Case,
    config::Fixed,
    draw::Draw,
    host::sha256,
    ids::{AccountNo, BatchId, LotId, TokenId},
    merkle::{Peaks, result_leaf},
    terms::Terms,
    view::{Batch, BatchStatus, Callback, LotState, OpenBatch, Progress, Slot, SlotPhase},
};
use sqlx::{PgConnection, types::Json};

use super::LiveSlots;
use crate::{
    StoreError,
    change::SlotRow,
    columns::{digest, items_of, named, narrow},
};

pub(super) async fn batch_list(conn: &mut PgConnection) -> Result<BTreeMap<BatchId, Batch>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT batch, status, requester, token, items, manifest, gold_root, callback AS "callback: Json<Callback>",
                  terms AS "terms: Json<Terms>", fixed AS "fixed: Json<Fixed>",
                  progress AS "progress: Json<Progress>", escrow, settled, results_root, created_at
           FROM batches
           WHERE status <> 'forgotten'"#
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let batch = BatchId(narrow(row.batch, "batches.batch")?);
            let status: BatchStatus = named(&row.status, "batches.status")?;
            let open = OpenBatch {
                requester: AccountNo(narrow(row.requester, "batches.requester")?),
                token: TokenId(narrow(row.token, "batches.token")?),
                terms: row.terms.0,
                fixed: row.fixed.0,
                items: narrow(row.items, "batches.items")?,
                manifest: digest(row.manifest, "batches.manifest")?,
                gold_root: digest(row.gold_root, "batches.gold_root")?,
                created_at: narrow(row.created_at, "batches.created_at")?,
                progress: row.progress.0,
                escrow: row.escrow.into(),
            };
            let view = Batch {
                batch,
                status,
                settled: narrow(row.settled, "batches.settled")?,
                results_root: digest(row.results_root, "batches.results_root")?,
                callback: row.callback.map(|Json(callback)| callback),
                // The contract forgets the rest of a closed batch; the row keeps it for readers.
                open: (status != BatchStatus::Closed).then_some(open),
            };
            Ok((batch, view))
        })
        .collect()
}

/// The mountain ranges of open batches, from their results.
pub(super) async fn range_list(
    conn: &mut PgConnection,
    batches: &BTreeMap<BatchId, Batch>,
) -> Result<BTreeMap<BatchId, Peaks>, StoreError> {
    let open = batches.iter().filter(|(_, batch)| batch.open.is_some());
    let mut ranges: BTreeMap<_, _> = open.map(|(batch, _)| (*batch, Peaks::default())).collect();
    let rows = sqlx::query!(
        "SELECT r.batch, r.lot, r.n, r.accepted, r.digest
         FROM results r
         JOIN batches b USING (batch)
         WHERE b.status IN ('open', 'cancelled')
         ORDER BY r.batch, r.n"
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let lot = LotId(narrow(row.lot, "results.lot")?);
        let digest = digest(row.digest, "results.digest")?;
        let leaf = result_leaf(sha256, narrow(row.n, "results.n")?, lot, items_of(row.accepted), &digest);
        if let Some(range) = ranges.get_mut(&BatchId(narrow(row.batch, "results.batch")?)) {
            range.append(sha256, leaf);
        }
    }
    Ok(ranges)
}

pub(super) async fn slot_list(conn: &mut PgConnection) -> Result<LiveSlots, StoreError> {
    let rows = sqlx::query!(
        "SELECT batch, lot, claimed_seq, node, round, position, reserved_until, commitment, answers, claimed_at,
                committed_at, revealed_at
         FROM slots
         WHERE outcome IS NULL"
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let batch = BatchId(narrow(row.batch, "slots.batch")?);
            let lot = LotId(narrow(row.lot, "slots.lot")?);
            let committed_at = row.committed_at.unwrap_or_default();
            let revealed_at = row.revealed_at.unwrap_or_default();
            let slot = SlotRow {
                node: AccountNo(narrow(row.node, "slots.node")?),
                round: narrow(row.round, "slots.round")?,
                position: row.position.map(|position| narrow(position, "slots.position")).transpose()?,
                reserved_until: narrow(row.reserved_until, "slots.reserved_until")?,
                claimed_at: narrow(row.claimed_at, "slots.claimed_at")?,
                committed: row
                    .commitment
                    .map(|bytes| {
                        Ok::<_, StoreError>((
                            digest(bytes, "slots.commitment")?,
                            narrow(committed_at, "slots.committed_at")?,
                        ))
                    })
                    .transpose()?,
                revealed: row
                    .answers
                    .map(|bytes| Ok::<_, StoreError>((bytes, narrow(revealed_at, "slots.revealed_at")?)))
                    .transpose()?,
                end: None,
            };
            Ok(((batch, lot, narrow(row.claimed_seq, "slots.claimed_seq")?), slot))
        })
        .collect()
}

pub(super) async fn lot_list(
    conn: &mut PgConnection,
    slots: &LiveSlots,
) -> Result<BTreeMap<(BatchId, LotId), LotState>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT batch, lot, phase, round, clock_at, phase_at, phase_height, leavers, open_items,
                  draw AS "draw: Json<Draw>", "case" AS "case: Json<Box<Case>>"
           FROM lots
           WHERE phase <> 'settled'"#
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let batch = BatchId(narrow(row.batch, "lots.batch")?);
            let lot = LotId(narrow(row.lot, "lots.lot")?);
            let leavers = row.leavers.into_iter().map(|node| Ok(AccountNo(narrow(node, "lots.leavers")?)));
            let mut held: Vec<_> =
                slots.range((batch, lot, 0)..=(batch, lot, u64::MAX)).map(|(_, slot)| slot).collect();
            held.sort_by_key(|slot| slot.position);
            let state = LotState {
                phase: named(&row.phase, "lots.phase")?,
                round: narrow(row.round, "lots.round")?,
                clock_at: narrow(row.clock_at, "lots.clock_at")?,
                phase_at: narrow(row.phase_at, "lots.phase_at")?,
                phase_height: narrow(row.phase_height, "lots.phase_height")?,
                leavers: leavers.collect::<Result<_, StoreError>>()?,
                open_items: items_of(row.open_items),
                draw: row.draw.0,
                case: row.case.map(|Json(case)| case),
                slots: held.into_iter().map(slot_view).collect(),
            };
            Ok(((batch, lot), state))
        })
        .collect()
}

/// The slot as the contract has it.
fn slot_view(row: &SlotRow) -> Slot {
    let phase = match (&row.revealed, &row.committed) {
        (Some((answers, _)), _) => SlotPhase::Revealed(answers.clone()),
        (None, Some((commitment, _))) => SlotPhase::Committed(*commitment),
        (None, None) => SlotPhase::Reserved(row.reserved_until),
    };
    Slot { node: row.node, round: row.round, phase }
}
