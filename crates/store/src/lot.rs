//! Lots, including those without a claim yet: they have no row and are known from the batch's geometry.

use std::collections::BTreeMap;

use piecework_api::{Lot, LotState, Settlement};
use piecework_interface::{
    amount::Amount,
    case::Case,
    draw::Draw,
    ids::{AccountNo, BatchId, LotId},
    view,
};
use sqlx::{PgConnection, PgTransaction, types::Json};

use crate::{
    StoreError,
    batch::BatchShape,
    change::LotRow,
    columns::{AsJson, column, item_bits, items_of, name, named, narrow, optional, write},
    slot::SlotsByLot,
};

pub(crate) async fn lot_upsert(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<(BatchId, LotId), LotRow>,
) -> Result<(), StoreError> {
    let phase = |row: &LotRow| if row.settled { name(&LotState::Settled) } else { name(&row.state.phase) };
    let phase: Vec<String> = rows.values().map(phase).collect::<Result<_, _>>()?;
    // An array of arrays cannot be unnested row by row.
    let leavers = |leavers: &[AccountNo]| leavers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let query = sqlx::query!(
        r#"INSERT INTO lots (batch, lot, phase, round, begun_at, reward, appeal, clock_at, phase_at, phase_height, leavers,
                             open_items, draw, "case", updated_seq)
         SELECT batch, lot, phase, round, begun_at, reward, appeal, clock_at, phase_at, phase_height,
                string_to_array(leavers, ',')::bigint[], open_items, draw::jsonb, "case"::jsonb, updated_seq
         FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::smallint[], $5::bigint[], $6::boolean[], $7::bigint[],
                     $8::bigint[], $9::bigint[], $10::text[], $11::bigint[], $12::text[], $13::text[], $14::bigint[],
                     $15::numeric[])
           AS row (batch, lot, phase, round, begun_at, appeal, clock_at, phase_at, phase_height, leavers, open_items, draw,
                   "case", updated_seq, reward)
         ON CONFLICT (batch, lot) DO UPDATE
         SET phase = excluded.phase, round = excluded.round, begun_at = excluded.begun_at, reward = excluded.reward,
             appeal = excluded.appeal, clock_at = excluded.clock_at, phase_at = excluded.phase_at, phase_height = excluded.phase_height,
             leavers = excluded.leavers, open_items = excluded.open_items, draw = excluded.draw, "case" = excluded."case",
             updated_seq = excluded.updated_seq"#,
        &column(rows, |((batch, _), _)| *batch)?,
        &column(rows, |((_, lot), _)| *lot)?,
        &phase,
        &column(rows, |(_, row)| row.state.round)?,
        &column(rows, |(_, row)| row.state.begun_at)?,
        &column(rows, |(_, row)| row.state.appeal)?,
        &column(rows, |(_, row)| row.state.clock_at)?,
        &column(rows, |(_, row)| row.state.phase_at)?,
        &column(rows, |(_, row)| row.state.phase_height)?,
        &column(rows, |(_, row)| leavers(&row.state.leavers))?,
        &column(rows, |(_, row)| item_bits(row.state.open_items))?,
        &column(rows, |(_, row)| AsJson(&row.state.draw))?,
        &column(rows, |(_, row)| row.state.case.as_ref().map(AsJson))? as _,
        &column(rows, |(_, row)| row.updated_seq)?,
        &column(rows, |(_, row)| row.state.reward.0)?,
    );
    write(tx, "lot_upsert", rows.len(), query).await
}

/// Lots that have a record, as the contract has them.
pub(crate) async fn lot_load(
    db: &mut PgConnection,
    mut slots: SlotsByLot,
) -> Result<BTreeMap<(BatchId, LotId), view::LotState>, StoreError> {
    sqlx::query!(
        r#"SELECT batch, lot, phase, round, begun_at, reward, appeal, clock_at, phase_at, phase_height, leavers, open_items,
                  draw AS "draw: Json<Draw>", "case" AS "case: Json<Box<Case>>"
           FROM lots
           WHERE phase <> 'settled'"#
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let key = (BatchId(narrow(row.batch, "lots.batch")?), LotId(narrow(row.lot, "lots.lot")?));
        let state = view::LotState {
            phase: named(&row.phase, "lots.phase")?,
            round: narrow(row.round, "lots.round")?,
            begun_at: narrow(row.begun_at, "lots.begun_at")?,
            reward: row.reward.into(),
            appeal: row.appeal,
            clock_at: narrow(row.clock_at, "lots.clock_at")?,
            phase_at: narrow(row.phase_at, "lots.phase_at")?,
            phase_height: narrow(row.phase_height, "lots.phase_height")?,
            leavers: leavers(row.leavers)?,
            open_items: items_of(row.open_items),
            draw: row.draw.0,
            case: row.case.map(|Json(case)| case),
            slots: slots.remove(&key).unwrap_or_default(),
        };
        Ok((key, state))
    })
    .collect()
}

fn leavers(numbers: Vec<i64>) -> Result<Vec<AccountNo>, StoreError> {
    numbers.into_iter().map(|node| Ok(AccountNo(narrow(node, "lots.leavers")?))).collect()
}

/// A state in one byte per lot: what a picture of a large batch needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LotMark {
    /// Number in the batch.
    pub lot: LotId,
    /// State; never open.
    pub state: LotState,
    /// Round.
    pub round: u8,
    /// Whether it settled with every item accepted.
    pub is_whole: bool,
}

/// Lots of a batch by number, in order. The caller knows that the batch has them.
///
/// # Errors
/// The read failed.
pub async fn lot_list(db: &mut PgConnection, batch: &BatchShape, lots: &[LotId]) -> Result<Vec<Lot>, StoreError> {
    let numbers: Vec<i64> = lots.iter().map(|lot| i64::from(lot.0)).collect();
    sqlx::query!(
        r#"SELECT g.lot AS "lot!", l.phase AS "phase?", l.round AS "round?", l.begun_at AS "begun_at?",
                  l.reward AS "reward?", l.appeal AS "appeal?", l.clock_at AS "clock_at?",
                  l.phase_at AS "phase_at?", l.leavers AS "leavers?", l.open_items AS "open_items?",
                  l.draw AS "draw?: Json<Draw>", l."case" AS "case?: Json<Box<Case>>",
                  l.updated_seq AS "updated_seq?", r.n AS "n?", r.accepted AS "accepted?", r.settled_at AS "settled_at?", s.reserved AS "reserved!",
                  s.committed AS "committed!", s.revealed AS "revealed!", a.answered AS "answered!"
           FROM unnest($2::bigint[]) AS g(lot)
                LEFT JOIN lots l ON l.batch = $1 AND l.lot = g.lot
                LEFT JOIN results r ON r.batch = $1 AND r.lot = g.lot,
                LATERAL (SELECT count(*) FILTER (WHERE phase = 'reserved') AS reserved,
                                count(*) FILTER (WHERE phase = 'committed') AS committed,
                                count(*) FILTER (WHERE phase = 'revealed') AS revealed
                         FROM slots WHERE batch = $1 AND lot = g.lot AND outcome IS NULL) s,
                LATERAL (SELECT EXISTS (SELECT FROM slots WHERE batch = $1 AND lot = g.lot AND phase = 'revealed') AS answered) a
           ORDER BY g.lot"#,
        i64::from(batch.batch.0),
        &numbers,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let settlement = match (row.n, row.accepted, row.settled_at) {
            (Some(n), Some(accepted), Some(settled_at)) => Some(Settlement {
                n: narrow(n, "results.n")?,
                accepted: items_of(accepted),
                accepted_items: accepted.count_ones(),
                settled_at: narrow(settled_at, "results.settled_at")?,
            }),
            _ => None,
        };
        let lot = LotId(narrow(row.lot, "lots.lot")?);
        Ok(Lot {
            batch: batch.batch,
            lot,
            first_item: batch.first_item(lot),
            items: batch.lot_items(lot),
            state: state(row.phase.as_deref(), row.answered, batch.is_open)?,
            round: narrow(row.round.unwrap_or_default(), "lots.round")?,
            begun_at: narrow(row.begun_at.unwrap_or_default(), "lots.begun_at")?,
            reward: row.reward.map(Amount::from).filter(|reward| reward.0 > 0),
            appeal: row.appeal.unwrap_or_default(),
            clock_at: narrow(row.clock_at.unwrap_or_default(), "lots.clock_at")?,
            phase_at: narrow(row.phase_at.unwrap_or_default(), "lots.phase_at")?,
            leavers: leavers(row.leavers.unwrap_or_default())?,
            open_items: items_of(row.open_items.unwrap_or_default()),
            draw: row.draw.map(|Json(draw)| draw).unwrap_or_default(),
            case: row.case.map(|Json(case)| case),
            reserved: narrow(row.reserved, "slots.phase")?,
            committed: narrow(row.committed, "slots.phase")?,
            revealed: narrow(row.revealed, "slots.phase")?,
            settlement,
            updated_seq: optional(row.updated_seq, "lots.updated_seq")?,
        })
    })
    .collect()
}

/// Where a lot stands, from its row's phase. A lot without a row is open as long as its batch is.
fn state(phase: Option<&str>, answered: bool, is_open: bool) -> Result<LotState, StoreError> {
    match phase.map(|phase| named(phase, "lots.phase")).transpose()? {
        None if is_open => Ok(LotState::Open),
        None => Ok(LotState::Withdrawn),
        Some(LotState::Settled) if !answered => Ok(LotState::Withdrawn),
        Some(state) => Ok(state),
    }
}

/// Numbers of the lots in a state among `from..until`, in order.
///
/// # Errors
/// The read failed.
pub async fn lot_numbers_by_state(
    db: &mut PgConnection,
    batch: &BatchShape,
    state: LotState,
    from: u32,
    until: u32,
    limit: u32,
) -> Result<Vec<LotId>, StoreError> {
    let (is_open, batch) = (batch.is_open, i64::from(batch.batch.0));
    let (from, until) = (i64::from(from), i64::from(until));
    let numbers = if matches!(state, LotState::Open | LotState::Withdrawn) {
        sqlx::query_scalar!(
            r#"SELECT g.lot AS "lot!"
               FROM generate_series($2::bigint, $3::bigint - 1) AS g(lot) LEFT JOIN lots l ON l.batch = $1 AND l.lot = g.lot
               WHERE (l.lot IS NULL AND $5)
                  OR ($6 AND l.phase = 'settled'
                      AND NOT EXISTS (SELECT FROM slots s WHERE s.batch = $1 AND s.lot = g.lot AND s.phase = 'revealed'))
               ORDER BY g.lot
               LIMIT $4"#,
            batch,
            from,
            until,
            i64::from(limit),
            is_open == (state == LotState::Open),
            state == LotState::Withdrawn,
        )
        .fetch_all(db)
        .await?
    } else {
        sqlx::query_scalar!(
            "SELECT l.lot FROM lots l
             WHERE l.batch = $1 AND l.lot >= $2 AND l.lot < $3 AND l.phase = $4
               AND (l.phase <> 'settled'
                    OR EXISTS (SELECT FROM slots s WHERE s.batch = l.batch AND s.lot = l.lot AND s.phase = 'revealed'))
             ORDER BY l.lot
             LIMIT $5",
            batch,
            from,
            until,
            name(&state)?,
            i64::from(limit),
        )
        .fetch_all(db)
        .await?
    };
    numbers.into_iter().map(|lot| Ok(LotId(narrow(lot, "lots.lot")?))).collect()
}

/// States of the lots among `from..until` that have a row, in order.
///
/// # Errors
/// The read failed.
pub async fn lot_mark_list(
    db: &mut PgConnection,
    batch: &BatchShape,
    from: u32,
    until: u32,
) -> Result<Vec<LotMark>, StoreError> {
    sqlx::query!(
        r#"SELECT l.lot, l.phase, l.round, r.accepted AS "accepted?",
                  EXISTS (SELECT FROM slots s WHERE s.batch = l.batch AND s.lot = l.lot AND s.phase = 'revealed') AS "answered!"
           FROM lots l LEFT JOIN results r USING (batch, lot)
           WHERE l.batch = $1 AND l.lot >= $2 AND l.lot < $3
           ORDER BY l.lot"#,
        i64::from(batch.batch.0),
        i64::from(from),
        i64::from(until),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let lot = LotId(narrow(row.lot, "lots.lot")?);
        Ok(LotMark {
            lot,
            state: state(Some(&row.phase), row.answered, batch.is_open)?,
            round: narrow(row.round, "lots.round")?,
            is_whole: row.accepted.is_some_and(|accepted| accepted.count_ones() == u32::from(batch.lot_items(lot))),
        })
    })
    .collect()
}

/// How many lots of a batch that have a row stand as the mark says; its number is that of one of them.
///
/// # Errors
/// The read failed.
pub async fn lot_mark_totals(db: &mut PgConnection, batch: &BatchShape) -> Result<Vec<(LotMark, u32)>, StoreError> {
    sqlx::query!(
        r#"SELECT min(m.lot) AS "lot!", m.phase, m.round, m.whole AS "whole!", m.answered AS "answered!", count(*) AS "lots!"
           FROM (SELECT l.lot, l.phase, l.round,
                        coalesce(bit_count(r.accepted::bit(64)) = least($3, $2 - l.lot * $3), false) AS whole,
                        EXISTS (SELECT FROM slots s WHERE s.batch = l.batch AND s.lot = l.lot AND s.phase = 'revealed') AS answered
                 FROM lots l LEFT JOIN results r USING (batch, lot)
                 WHERE l.batch = $1) m
           GROUP BY m.phase, m.round, m.whole, m.answered"#,
        i64::from(batch.batch.0),
        i64::from(batch.items),
        i64::from(batch.lot_size),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let mark = LotMark {
            lot: LotId(narrow(row.lot, "lots.lot")?),
            state: state(Some(&row.phase), row.answered, batch.is_open)?,
            round: narrow(row.round, "lots.round")?,
            is_whole: row.whole,
        };
        Ok((mark, narrow(row.lots, "lots.lot")?))
    })
    .collect()
}
