//! Segments of batches: what they were created with, and what was appended.

use piecework_api::BatchSegment;
use piecework_interface::ids::BatchId;
use sqlx::{PgConnection, PgTransaction};

use crate::{
    StoreError,
    change::SegmentRow,
    columns::{column, digest, narrow, write},
};

pub(crate) async fn segment_insert(tx: &mut PgTransaction<'_>, rows: &[SegmentRow]) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO segments (batch, first_item, items, manifest, uri, seq)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::text[], $6::bigint[])",
        &column(rows, |row| row.batch)?,
        &column(rows, |row| row.segment.first_item)?,
        &column(rows, |row| row.segment.items)?,
        &column(rows, |row| row.segment.manifest)?,
        &column(rows, |row| row.uri.as_str())?,
        &column(rows, |row| row.seq)?,
    );
    write(tx, "segment_insert", rows.len(), query).await
}

/// Segments of a batch from item `from` on, in order; the first has the items that the batch was created with.
///
/// # Errors
/// The read failed.
pub async fn segment_list(
    db: &mut PgConnection,
    batch: BatchId,
    from: u32,
    limit: u32,
) -> Result<Vec<BatchSegment>, StoreError> {
    sqlx::query!(
        r#"SELECT 0::bigint AS "first_item!", manifest AS "manifest!", uri AS "uri!", created_seq AS "seq!",
                  coalesce((SELECT min(first_item) FROM segments WHERE batch = $1), items) AS "items!"
           FROM batches
           WHERE batch = $1 AND $2::bigint = 0
           UNION ALL
           SELECT first_item, manifest, uri, seq, items
           FROM segments
           WHERE batch = $1 AND first_item >= $2
           ORDER BY 1
           LIMIT $3"#,
        i64::from(batch.0),
        i64::from(from),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(BatchSegment {
            first_item: narrow(row.first_item, "segments.first_item")?,
            items: narrow(row.items, "segments.items")?,
            manifest: digest(row.manifest, "segments.manifest")?,
            uri: row.uri,
            seq: narrow(row.seq, "segments.seq")?,
        })
    })
    .collect()
}
