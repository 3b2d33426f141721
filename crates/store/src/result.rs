//! Results of settled lots.

use std::collections::BTreeMap;

use piecework_api::LotResult;
use piecework_interface::{
    answers::{Answers, Items},
    host::sha256,
    ids::{BatchId, LotId},
    lots::all_items,
    merkle::{Peaks, result_leaf},
    view::Batch,
};
use piecework_replay as replay;
use sqlx::{PgConnection, PgTransaction};

use crate::{
    StoreError,
    batch::BatchShape,
    columns::{column, digest, item_bits, items_of, narrow, write},
};

pub(crate) async fn result_insert(tx: &mut PgTransaction<'_>, rows: &[replay::LotResult]) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO results (batch, lot, n, accepted, overturned, digest, answers, fee, refund, settled_at, seq)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[],
                              $7::bytea[], $8::numeric[], $9::numeric[], $10::bigint[], $11::bigint[])",
        &column(rows, |row| row.batch)?,
        &column(rows, |row| row.lot)?,
        &column(rows, |row| row.n)?,
        &column(rows, |row| item_bits(row.accepted))?,
        &column(rows, |row| row.overturned.map(item_bits))? as _,
        &column(rows, |row| row.digest)?,
        &column(rows, |row| row.answers.bytes.as_slice())?,
        &column(rows, |row| row.fee)?,
        &column(rows, |row| row.refund)?,
        &column(rows, |row| row.settled_at)?,
        &column(rows, |row| row.seq)?,
    );
    write(tx, "result_insert", rows.len(), query).await
}

/// The mountain ranges of open batches, from their results.
pub(crate) async fn range_load(
    db: &mut PgConnection,
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
    .fetch_all(db)
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

/// Results of a batch with settlement numbers from `from` on, in order.
///
/// # Errors
/// The read failed.
pub async fn result_list(
    db: &mut PgConnection,
    batch: &BatchShape,
    from: u32,
    limit: u32,
) -> Result<Vec<LotResult>, StoreError> {
    sqlx::query!(
        r#"SELECT r.n, r.lot, r.accepted, r.overturned, r.digest, r.answers, r.fee, r.refund, r.settled_at, r.seq,
                  r.accepted = 0 AND NOT EXISTS (SELECT FROM slots s
                                                 WHERE s.batch = r.batch AND s.lot = r.lot AND s.phase = 'revealed')
                    AS "withdrawn!"
           FROM results r
           WHERE r.batch = $1 AND r.n >= $2
           ORDER BY r.n
           LIMIT $3"#,
        i64::from(batch.batch.0),
        i64::from(from),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let lot = LotId(narrow(row.lot, "results.lot")?);
        let (items, accepted) = (batch.lot_items(lot), items_of(row.accepted));
        let answers = Answers { items: Items(all_items(items)), width: batch.answer_width, bytes: row.answers };
        Ok(LotResult {
            n: narrow(row.n, "results.n")?,
            lot,
            first_item: batch.first_item(lot),
            items,
            withdrawn: row.withdrawn,
            accepted,
            overturned: row.overturned.map(items_of),
            answers: answers
                .iter()
                .map(|(item, answer)| (accepted >> item & 1 == 1).then(|| hex::encode(answer)))
                .collect(),
            digest: digest(row.digest, "results.digest")?,
            fee: row.fee.into(),
            refund: row.refund.into(),
            settled_at: narrow(row.settled_at, "results.settled_at")?,
            seq: narrow(row.seq, "results.seq")?,
        })
    })
    .collect()
}
