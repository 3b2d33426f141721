//! Comparisons of the mirror with the contract's views.

use piecework_api::Reconciliation;
use sqlx::PgConnection;

use crate::{StoreError, columns::narrow};

/// The last comparison.
///
/// # Errors
/// The read failed.
pub async fn reconciliation_last(db: &mut PgConnection) -> Result<Option<Reconciliation>, StoreError> {
    sqlx::query!("SELECT height, block_at, rows, mismatches, ok FROM reconciliations ORDER BY id DESC LIMIT 1")
        .fetch_optional(db)
        .await?
        .map(|row| {
            Ok(Reconciliation {
                height: narrow(row.height, "reconciliations.height")?,
                block_at: narrow(row.block_at, "reconciliations.block_at")?,
                rows: narrow(row.rows, "reconciliations.rows")?,
                mismatches: narrow(row.mismatches, "reconciliations.mismatches")?,
                ok: row.ok,
            })
        })
        .transpose()
}
