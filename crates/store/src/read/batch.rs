//! Batches, with what is done of them.

use std::ops::Range;

use piecework_interface::{
    amount::Amount,
    config::Fixed,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    lots::{lot_count, lot_items},
    terms::Terms,
    view::{Callback, Progress},
};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};

use super::{named, optional, rows};
use crate::{
    StoreError, Units,
    columns::{digest, narrow},
};

/// Life of a batch in the mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// Takes claims until it expires.
    Open,
    /// Cancelled; live lots run to their end.
    Cancelled,
    /// Everything is settled.
    Closed,
    /// Closed, and the contract dropped its result root.
    Forgotten,
}

impl BatchState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Cancelled => "cancelled",
            Self::Closed => "closed",
            Self::Forgotten => "forgotten",
        }
    }
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Number.
    pub batch: BatchId,
    /// State.
    pub state: BatchState,
    /// Who pays.
    pub requester: AccountNo,
    /// Their account id.
    pub requester_id: String,
    /// Reward token.
    pub token: TokenId,
    /// Items.
    pub items: u32,
    /// Lots.
    pub lots: u32,
    /// Merkle root over the items' payload digests.
    pub manifest: [u8; 32],
    /// Root of the gold tree, zeros without gold.
    pub gold_root: [u8; 32],
    /// Whom a poke tells that it is closed; `None` once it was told.
    pub callback: Option<Callback>,
    /// Where the manifest is.
    pub uri: String,
    /// Terms.
    pub terms: Terms,
    /// What was copied from the configuration.
    pub fixed: Fixed,
    /// The moving window.
    pub progress: Progress,
    /// Escrow left, fee included.
    pub escrow: Amount,
    /// Lots settled, closed lots included.
    pub settled: u32,
    /// Root over the results.
    pub results_root: [u8; 32],
    /// What is live and what is done.
    pub counts: Counts,
    /// Unix time of creation, seconds.
    pub created_at: u32,
    /// Unix time at which it closed, seconds.
    pub ended_at: Option<u32>,
    /// Line that created it.
    pub created_seq: u64,
    /// Last line that changed it or one of its lots.
    pub updated_seq: u64,
}

/// Lots by phase and items by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lots in which seats are claimed and committed.
    pub working: u32,
    /// Lots whose answers are being shown.
    pub revealing: u32,
    /// Lots tallied and not yet settled.
    pub provisional: u32,
    /// Lots that wait for the adjudicator.
    pub judging: u32,
    /// Lots that went, or go, through an extension round.
    pub extended: u32,
    /// Items of settled lots.
    pub settled_items: u32,
    /// Items among them with an accepted answer.
    pub accepted_items: u32,
}

/// Which batches to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchFilter {
    /// Only this state.
    pub state: Option<BatchState>,
    /// Only batches of this account.
    pub requester: Option<AccountNo>,
    /// Only this class.
    pub class: Option<ClassId>,
}

struct Row {
    batch: i64,
    status: String,
    requester: i64,
    requester_id: String,
    token: i32,
    items: i64,
    manifest: Vec<u8>,
    gold_root: Vec<u8>,
    callback: Option<Json<Callback>>,
    uri: String,
    terms: Json<Terms>,
    fixed: Json<Fixed>,
    progress: Json<Progress>,
    escrow: Units,
    settled: i64,
    results_root: Vec<u8>,
    created_at: i64,
    ended_at: Option<i64>,
    created_seq: i64,
    updated_seq: i64,
    working: i64,
    revealing: i64,
    provisional: i64,
    judging: i64,
    extended: i64,
    settled_items: i64,
    accepted: i64,
}

/// The batch with this number.
///
/// # Errors
/// The read failed.
pub async fn batch_get(db: &mut PgConnection, batch: BatchId) -> Result<Option<Batch>, StoreError> {
    let number = i64::from(batch.0);
    let found = batches(db, number..number + 1, &BatchFilter::default(), 1).await?;
    Ok(found.into_iter().next())
}

/// The size and shape of a batch: what placing its lots and reading their answers needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchShape {
    /// Number.
    pub batch: BatchId,
    /// Items.
    pub items: u32,
    /// Items per lot; the last may be shorter.
    pub lot_size: u8,
    /// Bytes per answer.
    pub answer_width: u8,
    /// Line that created it.
    pub created_seq: u64,
}

impl BatchShape {
    /// Lots.
    #[must_use]
    pub const fn lots(&self) -> u32 {
        lot_count(self.items, self.lot_size)
    }

    /// Items of a lot.
    #[must_use]
    pub fn lot_items(&self, lot: LotId) -> u8 {
        lot_items(self.items, self.lot_size, lot)
    }

    /// First item of a lot in the batch.
    #[must_use]
    pub fn first_item(&self, lot: LotId) -> u32 {
        lot.0.saturating_mul(u32::from(self.lot_size))
    }
}

/// The shape of the batch with this number.
///
/// # Errors
/// The read failed.
pub async fn batch_shape_get(db: &mut PgConnection, batch: BatchId) -> Result<Option<BatchShape>, StoreError> {
    let found = sqlx::query!(
        r#"SELECT items, lot_size, (terms ->> 'answer_width')::smallint AS "answer_width!", created_seq
           FROM batches
           WHERE batch = $1"#,
        i64::from(batch.0),
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = found else { return Ok(None) };
    Ok(Some(BatchShape {
        batch,
        items: narrow(row.items, "batches.items")?,
        lot_size: narrow(row.lot_size, "batches.lot_size")?,
        answer_width: narrow(row.answer_width, "batches.terms")?,
        created_seq: narrow(row.created_seq, "batches.created_seq")?,
    }))
}

/// Batches before `before`, newest first.
///
/// # Errors
/// The read failed.
pub async fn batch_list(
    db: &mut PgConnection,
    filter: &BatchFilter,
    before: Option<BatchId>,
    limit: u32,
) -> Result<Vec<Batch>, StoreError> {
    batches(db, 0..before.map_or(i64::MAX, |batch| i64::from(batch.0)), filter, limit).await
}

/// Batches of these numbers, newest first.
async fn batches(
    db: &mut PgConnection,
    numbers: Range<i64>,
    filter: &BatchFilter,
    limit: u32,
) -> Result<Vec<Batch>, StoreError> {
    let found = sqlx::query_as!(
        Row,
        r#"SELECT b.batch, b.status, b.requester, a.account_id AS requester_id, b.token, b.items, b.manifest,
                  b.gold_root, b.callback AS "callback: Json<Callback>", b.uri, b.terms AS "terms: Json<Terms>",
                  b.fixed AS "fixed: Json<Fixed>", b.progress AS "progress: Json<Progress>", b.escrow, b.settled, b.results_root, b.created_at,
                  b.ended_at, b.created_seq, b.updated_seq, live.working AS "working!", live.revealing AS "revealing!",
                  live.provisional AS "provisional!", live.judging AS "judging!", live.extended AS "extended!",
                  done.items AS "settled_items!", done.accepted AS "accepted!"
           FROM batches b JOIN accounts a ON a.account = b.requester,
                LATERAL (SELECT count(*) FILTER (WHERE l.phase = 'working') AS working,
                                count(*) FILTER (WHERE l.phase = 'revealing') AS revealing,
                                count(*) FILTER (WHERE l.phase = 'provisional') AS provisional,
                                count(*) FILTER (WHERE l.phase = 'judging') AS judging,
                                count(*) FILTER (WHERE l.open_items <> 0) AS extended
                         FROM lots l WHERE l.batch = b.batch) live,
                LATERAL (SELECT coalesce(sum(least(b.lot_size, b.items - r.lot * b.lot_size)), 0)::bigint AS items,
                                coalesce(sum(bit_count(r.accepted::bit(64))), 0)::bigint AS accepted
                         FROM results r WHERE r.batch = b.batch) done
           WHERE b.batch >= $1 AND b.batch < $2
             AND ($3::text IS NULL OR b.status = $3)
             AND ($4::bigint IS NULL OR b.requester = $4)
             AND ($5::integer IS NULL OR b.class = $5)
           ORDER BY b.batch DESC
           LIMIT $6"#,
        numbers.start,
        numbers.end,
        filter.state.map(BatchState::as_str),
        filter.requester.map(|account| i64::from(account.0)),
        filter.class.map(|class| i32::from(class.0)),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?;
    rows(found)
}

impl TryFrom<Row> for Batch {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let Json(terms) = row.terms;
        let items = narrow(row.items, "batches.items")?;
        Ok(Self {
            batch: BatchId(narrow(row.batch, "batches.batch")?),
            state: named(&row.status, "batches.status")?,
            requester: AccountNo(narrow(row.requester, "batches.requester")?),
            requester_id: row.requester_id,
            token: TokenId(narrow(row.token, "batches.token")?),
            items,
            lots: lot_count(items, terms.lot_size),
            manifest: digest(row.manifest, "batches.manifest")?,
            gold_root: digest(row.gold_root, "batches.gold_root")?,
            callback: row.callback.map(|Json(callback)| callback),
            uri: row.uri,
            fixed: row.fixed.0,
            progress: row.progress.0,
            escrow: row.escrow.into(),
            settled: narrow(row.settled, "batches.settled")?,
            results_root: digest(row.results_root, "batches.results_root")?,
            counts: Counts {
                working: narrow(row.working, "lots.phase")?,
                revealing: narrow(row.revealing, "lots.phase")?,
                provisional: narrow(row.provisional, "lots.phase")?,
                judging: narrow(row.judging, "lots.phase")?,
                extended: narrow(row.extended, "lots.round")?,
                settled_items: narrow(row.settled_items, "results.lot")?,
                accepted_items: narrow(row.accepted, "results.accepted")?,
            },
            created_at: narrow(row.created_at, "batches.created_at")?,
            ended_at: optional(row.ended_at, "batches.ended_at")?,
            created_seq: narrow(row.created_seq, "batches.created_seq")?,
            updated_seq: narrow(row.updated_seq, "batches.updated_seq")?,
            terms,
        })
    }
}
