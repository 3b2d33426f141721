//! Lots, including those that nobody claimed yet: they have no row and are known from the batch's geometry.

use piecework_api::{Lot, LotState, Settlement};
use piecework_interface::{
    case::Case,
    draw::Draw,
    ids::{AccountNo, BatchId, LotId},
};
use sqlx::{PgConnection, types::Json};

use super::{batch::BatchShape, named, optional};
use crate::{
    StoreError,
    columns::{items_of, name, narrow},
};

/// A state in one byte per lot: what a picture of a large batch needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LotMark {
    /// Number in the batch.
    pub lot: LotId,
    /// State; never open.
    pub state: LotState,
    /// Round.
    pub round: u8,
    /// Accepted items of a settled lot.
    pub accepted: u64,
}

/// Lots of a batch by number, in order. The caller knows that the batch has them.
///
/// # Errors
/// The read failed.
pub async fn lot_list(db: &mut PgConnection, batch: &BatchShape, lots: &[LotId]) -> Result<Vec<Lot>, StoreError> {
    let numbers: Vec<i64> = lots.iter().map(|lot| i64::from(lot.0)).collect();
    sqlx::query!(
        r#"SELECT g.lot AS "lot!", l.phase AS "phase?", l.round AS "round?", l.clock_at AS "clock_at?",
                  l.phase_at AS "phase_at?", l.leavers AS "leavers?", l.open_items AS "open_items?",
                  l.draw AS "draw?: Json<Draw>", l."case" AS "case?: Json<Box<Case>>",
                  l.updated_seq AS "updated_seq?", r.n AS "n?", r.accepted AS "accepted?", r.settled_at AS "settled_at?", s.reserved AS "reserved!",
                  s.committed AS "committed!", s.revealed AS "revealed!"
           FROM unnest($2::bigint[]) AS g(lot)
                LEFT JOIN lots l ON l.batch = $1 AND l.lot = g.lot
                LEFT JOIN results r ON r.batch = $1 AND r.lot = g.lot,
                LATERAL (SELECT count(*) FILTER (WHERE phase = 'reserved') AS reserved,
                                count(*) FILTER (WHERE phase = 'committed') AS committed,
                                count(*) FILTER (WHERE phase = 'revealed') AS revealed
                         FROM slots WHERE batch = $1 AND lot = g.lot AND outcome IS NULL) s
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
        let leavers = row.leavers.unwrap_or_default().into_iter();
        let lot = LotId(narrow(row.lot, "lots.lot")?);
        Ok(Lot {
            batch: batch.batch,
            lot,
            first_item: batch.first_item(lot),
            items: batch.lot_items(lot),
            state: row.phase.map_or(Ok(LotState::Open), |phase| named(&phase, "lots.phase"))?,
            round: narrow(row.round.unwrap_or_default(), "lots.round")?,
            clock_at: narrow(row.clock_at.unwrap_or_default(), "lots.clock_at")?,
            phase_at: narrow(row.phase_at.unwrap_or_default(), "lots.phase_at")?,
            leavers: leavers
                .map(|node| Ok(AccountNo(narrow(node, "lots.leavers")?)))
                .collect::<Result<_, StoreError>>()?,
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

/// Numbers of the lots in a state among `from..until`, in order.
///
/// # Errors
/// The read failed.
pub async fn lot_numbers_by_state(
    db: &mut PgConnection,
    batch: BatchId,
    state: LotState,
    from: u32,
    until: u32,
    limit: u32,
) -> Result<Vec<LotId>, StoreError> {
    let (batch, from, until) = (i64::from(batch.0), i64::from(from), i64::from(until));
    let numbers = if state == LotState::Open {
        sqlx::query_scalar!(
            r#"SELECT g.lot AS "lot!"
               FROM generate_series($2::bigint, $3::bigint - 1) AS g(lot)
               WHERE NOT EXISTS (SELECT FROM lots l WHERE l.batch = $1 AND l.lot = g.lot)
               ORDER BY g.lot
               LIMIT $4"#,
            batch,
            from,
            until,
            i64::from(limit),
        )
        .fetch_all(db)
        .await?
    } else {
        sqlx::query_scalar!(
            "SELECT lot FROM lots WHERE batch = $1 AND lot >= $2 AND lot < $3 AND phase = $4 ORDER BY lot LIMIT $5",
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
    batch: BatchId,
    from: u32,
    until: u32,
) -> Result<Vec<LotMark>, StoreError> {
    sqlx::query!(
        r#"SELECT l.lot, l.phase, l.round, r.accepted AS "accepted?"
           FROM lots l LEFT JOIN results r USING (batch, lot)
           WHERE l.batch = $1 AND l.lot >= $2 AND l.lot < $3
           ORDER BY l.lot"#,
        i64::from(batch.0),
        i64::from(from),
        i64::from(until),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(LotMark {
            lot: LotId(narrow(row.lot, "lots.lot")?),
            state: named(&row.phase, "lots.phase")?,
            round: narrow(row.round, "lots.round")?,
            accepted: items_of(row.accepted.unwrap_or_default()),
        })
    })
    .collect()
}
