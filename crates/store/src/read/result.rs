//! Results of settled lots.

use piecework_api::LotResult;
use piecework_interface::{
    answers::{Answers, Items},
    ids::LotId,
    lots::all_items,
};
use sqlx::PgConnection;

use super::batch::BatchShape;
use crate::{
    StoreError,
    columns::{digest, items_of, narrow},
};

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
        "SELECT n, lot, accepted, digest, answers, fee, refund, settled_at, seq
         FROM results
         WHERE batch = $1 AND n >= $2
         ORDER BY n
         LIMIT $3",
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
            accepted,
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
