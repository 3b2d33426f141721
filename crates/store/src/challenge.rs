//! Challenges of results, as they were made.

use piecework_api::Challenge;
use piecework_interface::ids::{AccountNo, BatchId, LotId};
use sqlx::{PgConnection, PgTransaction};

use crate::{
    StoreError,
    change::ChallengeRow,
    columns::{column, digest, item_bits, items_of, narrow, optional, write},
};

pub(crate) async fn challenge_insert(tx: &mut PgTransaction<'_>, rows: &[ChallengeRow]) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO challenges (seq, position, batch, lot, account, items, deposit, evidence, replaced)
         SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                              $7::numeric[], $8::bytea[], $9::bigint[])",
        &column(rows, |row| row.seq)?,
        &column(rows, |row| row.position)?,
        &column(rows, |row| row.batch)?,
        &column(rows, |row| row.lot)?,
        &column(rows, |row| row.account)?,
        &column(rows, |row| item_bits(row.items))?,
        &column(rows, |row| row.deposit)?,
        &column(rows, |row| row.evidence)?,
        &column(rows, |row| row.replaced)? as _,
    );
    write(tx, "challenge_insert", rows.len(), query).await
}

/// Challenges of a lot, in order.
///
/// # Errors
/// The read failed.
pub async fn challenge_list_by_lot(
    db: &mut PgConnection,
    batch: BatchId,
    lot: LotId,
    limit: u32,
) -> Result<Vec<Challenge>, StoreError> {
    sqlx::query!(
        "SELECT c.seq, c.account, a.account_id, c.items, c.deposit, c.evidence, c.replaced, e.block_at
         FROM challenges c JOIN accounts a USING (account) JOIN events e USING (seq)
         WHERE c.batch = $1 AND c.lot = $2
         ORDER BY c.seq, c.position
         LIMIT $3",
        i64::from(batch.0),
        i64::from(lot.0),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Challenge {
            seq: narrow(row.seq, "challenges.seq")?,
            account: AccountNo(narrow(row.account, "challenges.account")?),
            account_id: row.account_id,
            items: items_of(row.items),
            deposit: row.deposit.into(),
            evidence: digest(row.evidence, "challenges.evidence")?,
            // Blobs are the gateway's.
            evidence_held: false,
            replaced: optional(row.replaced, "challenges.replaced")?.map(AccountNo),
            challenged_at: narrow(row.block_at, "events.block_at")?,
        })
    })
    .collect()
}
