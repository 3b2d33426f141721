//! Lots, including those that nobody claimed yet: they have no row and are known from the batch's geometry.

use piecework_interface::{
    case::Case,
    draw::Draw,
    ids::{AccountNo, BatchId, LotId},
};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};

use super::{named, optional};
use crate::{
    StoreError,
    columns::{items_of, narrow},
};

/// Where a lot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LotState {
    /// Nobody claimed it yet.
    Open,
    /// Seats are claimed and committed.
    Working,
    /// Answers are shown.
    Revealing,
    /// Tallied; settles when the challenge window has passed.
    Provisional,
    /// Answers are shown; the adjudicator's time runs.
    Judging,
    /// Settled, or closed without a result.
    Settled,
}

impl LotState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Working => "working",
            Self::Revealing => "revealing",
            Self::Provisional => "provisional",
            Self::Judging => "judging",
            Self::Settled => "settled",
        }
    }
}

/// A lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// Number in the batch.
    pub lot: LotId,
    /// State.
    pub state: LotState,
    /// 0, 1 for the extension, 2 for a jury; of a settled lot the last one.
    pub round: u8,
    /// Unix time at which the round's clock started, seconds; 0 while it waits for a claim.
    pub clock_at: u32,
    /// Unix time at which the phase after working began, seconds; 0 before.
    pub phase_at: u32,
    /// Nodes that left the lot, the last eight.
    pub leavers: Vec<AccountNo>,
    /// The extension's open items; 0 in round 0.
    pub open_items: u64,
    /// The draw of the extension or the jury.
    pub draw: Draw,
    /// What gold, challenges, a jury or an adjudicator added.
    pub case: Option<Box<Case>>,
    /// Live slots that are reserved, committed and revealed.
    pub slots: [u32; 3],
    /// Settlement, once settled.
    pub settlement: Option<Settlement>,
    /// Last line that changed it; `None` while it is open.
    pub updated_seq: Option<u64>,
}

/// What a lot settled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Settlement number in the batch.
    pub n: u32,
    /// Accepted items.
    pub accepted: u64,
    /// Unix time, seconds.
    pub settled_at: u32,
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
    /// Accepted items of a settled lot.
    pub accepted: u64,
}

/// Lots of a batch by number, in order. The caller knows that the batch has them.
///
/// # Errors
/// The read failed.
pub async fn lot_list(db: &mut PgConnection, batch: BatchId, lots: &[LotId]) -> Result<Vec<Lot>, StoreError> {
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
        i64::from(batch.0),
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
                settled_at: narrow(settled_at, "results.settled_at")?,
            }),
            _ => None,
        };
        let leavers = row.leavers.unwrap_or_default().into_iter();
        Ok(Lot {
            lot: LotId(narrow(row.lot, "lots.lot")?),
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
            slots: [
                narrow(row.reserved, "slots.phase")?,
                narrow(row.committed, "slots.phase")?,
                narrow(row.revealed, "slots.phase")?,
            ],
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
            state.as_str(),
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
