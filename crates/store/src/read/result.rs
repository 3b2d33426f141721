//! Results of settled lots.

use piecework_interface::{
    amount::Amount,
    ids::{BatchId, LotId},
};
use sqlx::PgConnection;

use crate::{
    StoreError,
    columns::{digest, items_of, narrow},
};

/// What a lot settled to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotResult {
    /// Settlement number in the batch: its place in the results' Merkle mountain range.
    pub n: u32,
    /// Lot.
    pub lot: LotId,
    /// Accepted items.
    pub accepted: u64,
    /// SHA-256 of the answers.
    pub digest: [u8; 32],
    /// Answers of all items, width bytes each, zeros where nothing is accepted.
    pub answers: Vec<u8>,
    /// Fee, in units of the token.
    pub fee: Amount,
    /// Returned to the requester, in units of the token.
    pub refund: Amount,
    /// Unix time, seconds.
    pub settled_at: u32,
    /// Journal line.
    pub seq: u64,
}

/// Results of a batch with settlement numbers from `from` on, in order.
///
/// # Errors
/// The read failed.
pub async fn result_list(
    db: &mut PgConnection,
    batch: BatchId,
    from: u32,
    limit: u32,
) -> Result<Vec<LotResult>, StoreError> {
    sqlx::query!(
        "SELECT n, lot, accepted, digest, answers, fee, refund, settled_at, seq
         FROM results
         WHERE batch = $1 AND n >= $2
         ORDER BY n
         LIMIT $3",
        i64::from(batch.0),
        i64::from(from),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(LotResult {
            n: narrow(row.n, "results.n")?,
            lot: LotId(narrow(row.lot, "results.lot")?),
            accepted: items_of(row.accepted),
            digest: digest(row.digest, "results.digest")?,
            answers: row.answers,
            fee: row.fee.into(),
            refund: row.refund.into(),
            settled_at: narrow(row.settled_at, "results.settled_at")?,
            seq: narrow(row.seq, "results.seq")?,
        })
    })
    .collect()
}
