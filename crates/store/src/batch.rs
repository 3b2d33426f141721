//! Batches: their rows, the contract's record of them, and what is done of them.

use std::{collections::BTreeMap, ops::Range};

use piecework_api::{Batch, BatchState, Counts};
use piecework_interface::{
    config::Fixed,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    lots::{lot_count, lot_items},
    terms::Terms,
    view::{self, BatchStatus, Callback, OpenBatch, Progress, Referrer},
};
use serde::Serialize;
use sqlx::{PgConnection, PgTransaction, types::Json};

use crate::{
    StoreError,
    change::{BatchRow, NewBatch},
    columns::{AsJson, AsName, column, digest, json, name, named, narrow, optional, write},
};

/// Inserts what a batch fixes. The rest has the values of an empty batch until [`batch_update`], which always follows.
pub(crate) async fn batch_insert(tx: &mut PgTransaction<'_>, rows: &[NewBatch]) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO batches (batch, status, requester, requester_operator, token, items, manifest, gold_root, uri, terms,
                              fixed, appendable, forget_on_close, referrer, referrer_part_pct, appended, progress, escrow, settled, results_root,
                              created_at, created_seq, updated_seq)
         SELECT batch, 'open', requester, requester_operator, token, items, manifest, gold_root, uri, terms::jsonb,
                fixed::jsonb, appendable, forget_on_close, referrer, referrer_part_pct, $16, $15::text::jsonb, 0, 0, $16, created_at, created_seq,
                created_seq
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::bigint[], $6::bytea[], $7::bytea[],
                     $8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::boolean[], $14::boolean[],
                     $17::bigint[], $18::smallint[])
           AS row (batch, requester, requester_operator, token, items, manifest, gold_root, uri, terms, fixed, created_at,
                   created_seq, appendable, forget_on_close, referrer, referrer_part_pct)",
        &column(rows, |row| row.batch)?,
        &column(rows, |row| row.record.requester)?,
        &column(rows, |row| row.record.requester_operator)?,
        &column(rows, |row| row.record.token)?,
        &column(rows, |row| row.record.items)?,
        &column(rows, |row| row.record.manifest)?,
        &column(rows, |row| row.gold_root)?,
        &column(rows, |row| row.uri.as_str())?,
        &column(rows, |row| AsJson(&row.record.terms))?,
        &column(rows, |row| AsJson(&row.record.fixed))?,
        &column(rows, |row| row.record.created_at)?,
        &column(rows, |row| row.created_seq)?,
        &column(rows, |row| row.record.appendable)?,
        &column(rows, |row| row.record.forget_on_close)?,
        json(&Progress::default())?,
        &[0_u8; 32],
        &column(rows, |row| row.record.referrer.map(|referrer| referrer.account))? as _,
        &column(rows, |row| row.record.referrer.map(|referrer| referrer.part_pct))? as _,
    );
    write(tx, "batch_insert", rows.len(), query).await
}

pub(crate) async fn batch_update(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<BatchId, BatchRow>,
) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "UPDATE batches b
         SET status = row.status, progress = coalesce(row.progress::jsonb, b.progress), escrow = row.escrow,
             settled = row.settled, results_root = row.results_root, callback = row.callback::jsonb,
             items = coalesce(row.items, b.items), appended = coalesce(row.appended, b.appended),
             terms = CASE WHEN row.expires_at IS NULL OR (row.expires_at, row.reward) = (b.expires_at, b.reward) THEN b.terms
                          ELSE b.terms || jsonb_build_object('expires_at', row.expires_at, 'reward', row.reward::text) END,
             ended_at = coalesce(row.ended_at, b.ended_at), updated_seq = row.updated_seq
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::numeric[], $5::bigint[], $6::bytea[], $7::text[],
                     $8::bigint[], $9::bigint[], $10::bigint[], $11::bytea[], $12::bigint[], $13::numeric[])
           AS row (batch, status, progress, escrow, settled, results_root, callback, ended_at, updated_seq, items, appended,
                   expires_at, reward)
         WHERE b.batch = row.batch",
        &column(rows, |(batch, _)| *batch)?,
        &column(rows, |(_, row)| AsName(row.status.map_or(BatchState::Forgotten, BatchState::from)))?,
        &column(rows, |(_, row)| row.progress.as_ref().map(AsJson))? as _,
        &column(rows, |(_, row)| row.escrow)?,
        &column(rows, |(_, row)| row.settled)?,
        &column(rows, |(_, row)| row.results_root)?,
        &column(rows, |(_, row)| row.callback.as_ref().map(AsJson))? as _,
        &column(rows, |(_, row)| row.ended_at)? as _,
        &column(rows, |(_, row)| row.updated_seq)?,
        &column(rows, |(_, row)| row.extent.map(|extent| extent.items))? as _,
        &column(rows, |(_, row)| row.extent.map(|extent| extent.appended))? as _,
        &column(rows, |(_, row)| row.extent.map(|extent| extent.expires_at))? as _,
        &column(rows, |(_, row)| row.extent.map(|extent| extent.reward))? as _,
    );
    write(tx, "batch_update", rows.len(), query).await
}

/// The contract's record of a batch, of a row with the columns of `batches`.
macro_rules! record {
    ($row:expr) => {
        OpenBatch {
            requester: AccountNo(narrow($row.requester, "batches.requester")?),
            requester_operator: AccountNo(narrow($row.requester_operator, "batches.requester_operator")?),
            token: TokenId(narrow($row.token, "batches.token")?),
            terms: $row.terms.0,
            fixed: $row.fixed.0,
            items: narrow($row.items, "batches.items")?,
            manifest: digest($row.manifest, "batches.manifest")?,
            created_at: narrow($row.created_at, "batches.created_at")?,
            appendable: $row.appendable,
            forget_on_close: $row.forget_on_close,
            referrer: referrer($row.referrer, $row.referrer_part_pct)?,
            appended: digest($row.appended, "batches.appended")?,
            progress: $row.progress.0,
            escrow: $row.escrow.into(),
        }
    };
}

fn referrer(account: Option<i64>, part_pct: Option<i16>) -> Result<Option<Referrer>, StoreError> {
    let Some((account, part_pct)) = account.zip(part_pct) else { return Ok(None) };
    let account = AccountNo(narrow(account, "batches.referrer")?);
    Ok(Some(Referrer { account, part_pct: narrow(part_pct, "batches.referrer_part_pct")? }))
}

/// Batches that are not forgotten, as the contract has them.
pub(crate) async fn batch_load(db: &mut PgConnection) -> Result<BTreeMap<BatchId, view::Batch>, StoreError> {
    sqlx::query!(
        r#"SELECT batch, status, requester, requester_operator, token, items, manifest, appendable, forget_on_close, referrer,
                  referrer_part_pct, appended,
                  callback AS "callback: Json<Callback>", terms AS "terms: Json<Terms>", fixed AS "fixed: Json<Fixed>",
                  progress AS "progress: Json<Progress>", escrow, settled, results_root, created_at
           FROM batches
           WHERE status <> 'forgotten'"#
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let batch = BatchId(narrow(row.batch, "batches.batch")?);
        let status: BatchStatus = named(&row.status, "batches.status")?;
        let open = record!(row);
        let view = view::Batch {
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
    /// Whether it takes claims until it expires.
    pub is_open: bool,
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
        r#"SELECT items, lot_size, (terms ->> 'answer_width')::smallint AS "answer_width!",
                  status = 'open' AS "is_open!", created_seq
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
        is_open: row.is_open,
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
    let state = filter.state.as_ref().map(name).transpose()?;
    sqlx::query!(
        r#"SELECT b.batch, b.status, b.requester, b.requester_operator, a.account_id AS requester_id, b.token, b.items,
                  b.manifest, b.appendable, b.forget_on_close, b.referrer, b.referrer_part_pct, r.account_id AS "referrer_id?", b.appended, b.gold_root, b.callback AS "callback: Json<Callback>", b.uri, b.terms AS "terms: Json<Terms>",
                  b.fixed AS "fixed: Json<Fixed>", b.progress AS "progress: Json<Progress>", b.escrow, b.settled, b.results_root, b.created_at,
                  b.ended_at, b.created_seq, b.updated_seq, live.working AS "working!", live.revealing AS "revealing!",
                  live.provisional AS "provisional!", live.judging AS "judging!", live.extended AS "extended!",
                  done.items AS "settled_items!", done.accepted AS "accepted!", done.lots AS "settled_lots!", done.upheld AS "upheld!",
                  begun.items AS "begun_items!", closed.items AS "closed_items!", contested.lots AS "contested!"
           FROM batches b JOIN accounts a ON a.account = b.requester LEFT JOIN accounts r ON r.account = b.referrer,
                LATERAL (SELECT count(*) FILTER (WHERE l.phase = 'working') AS working,
                                count(*) FILTER (WHERE l.phase = 'revealing') AS revealing,
                                count(*) FILTER (WHERE l.phase = 'provisional') AS provisional,
                                count(*) FILTER (WHERE l.phase = 'judging') AS judging,
                                count(*) FILTER (WHERE l.open_items <> 0) AS extended
                         FROM lots l WHERE l.batch = b.batch) live,
                LATERAL (SELECT count(*) AS lots, coalesce(sum(least(b.lot_size, b.items - r.lot * b.lot_size)), 0)::bigint AS items,
                                coalesce(sum(bit_count(r.accepted::bit(64))), 0)::bigint AS accepted,
                                count(*) FILTER (WHERE r.overturned = 0) AS upheld
                         FROM results r
                         WHERE r.batch = b.batch
                           AND (r.accepted <> 0 OR EXISTS (SELECT FROM slots s
                                                           WHERE s.batch = r.batch AND s.lot = r.lot AND s.phase = 'revealed'))) done,
                LATERAL (SELECT coalesce(sum(least(b.lot_size, b.items - l.lot * b.lot_size)), 0)::bigint AS items
                         FROM lots l WHERE l.batch = b.batch) begun,
                LATERAL (SELECT coalesce(sum(least(b.lot_size, b.items - r.lot * b.lot_size)), 0)::bigint AS items
                         FROM results r WHERE r.batch = b.batch) closed,
                LATERAL (SELECT count(DISTINCT c.lot) AS lots FROM challenges c WHERE c.batch = b.batch) contested
           WHERE b.batch >= $1 AND b.batch < $2
             AND ($3::text IS NULL OR b.status = $3)
             AND ($4::bigint IS NULL OR b.requester = $4)
             AND ($5::integer IS NULL OR b.class = $5)
           ORDER BY b.batch DESC
           LIMIT $6"#,
        numbers.start,
        numbers.end,
        state,
        filter.requester.map(|account| i64::from(account.0)),
        filter.class.map(|class| i32::from(class.0)),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let record = record!(row);
        let (lots, settled) = (lot_count(record.items, record.terms.lot_size), narrow(row.settled, "batches.settled")?);
        let phase = |count| narrow(count, "lots.phase");
        let live = row.working + row.revealing + row.provisional + row.judging;
        let is_scored = record.terms.adjudicator().is_some();
        let state = named(&row.status, "batches.status")?;
        let unclaimed = lots.saturating_sub(phase(live)?).saturating_sub(settled);
        let unclaimed_items = record.items.saturating_sub(narrow(row.begun_items, "lots.lot")?);
        // An unclaimed lot has no row: it is open as long as its batch is.
        let (open, (left, left_items)) =
            if state == BatchState::Open { (unclaimed, (0, 0)) } else { (0, (unclaimed, unclaimed_items)) };
        let settled_lots = phase(row.settled_lots)?;
        let closed_items: u32 = narrow(row.closed_items, "results.lot")?;
        let settled_items = narrow(row.settled_items, "results.lot")?;
        Ok(Batch {
            batch: BatchId(narrow(row.batch, "batches.batch")?),
            status: state,
            requester_id: row.requester_id,
            referrer_id: row.referrer_id,
            lots,
            callback: row.callback.map(|Json(callback)| callback),
            uri: row.uri,
            gold_root: digest(row.gold_root, "batches.gold_root")?,
            record,
            settled,
            results_root: digest(row.results_root, "batches.results_root")?,
            counts: Counts {
                open_lots: open,
                working_lots: phase(row.working)?,
                revealing_lots: phase(row.revealing)?,
                provisional_lots: phase(row.provisional)?,
                judging_lots: phase(row.judging)?,
                settled_lots,
                withdrawn_lots: settled.saturating_sub(settled_lots).saturating_add(left),
                extended_lots: phase(row.extended)?,
                settled_items,
                withdrawn_items: closed_items.saturating_sub(settled_items).saturating_add(left_items),
                accepted_items: narrow(row.accepted, "results.accepted")?,
                unresolved_items: if is_scored { 0 } else { narrow(row.settled_items - row.accepted, "results.accepted")? },
                contested_lots: narrow(row.contested, "challenges.lot")?,
                upheld_lots: narrow(row.upheld, "results.overturned")?,
            },
            ended_at: optional(row.ended_at, "batches.ended_at")?,
            created_seq: narrow(row.created_seq, "batches.created_seq")?,
            updated_seq: narrow(row.updated_seq, "batches.updated_seq")?,
        })
    })
    .collect()
}
