//! Comparisons of the mirror with the contract's views.

use sqlx::PgConnection;

use crate::{StoreError, columns::narrow};

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciliation {
    /// Block at which both sides were read.
    pub height: u64,
    /// Its time, Unix seconds.
    pub block_at: u32,
    /// Rows compared.
    pub rows: u64,
    /// Rows that differ or exist on one side only.
    pub mismatches: u64,
    /// Mirror equal, journal verified and money conserved.
    pub ok: bool,
}

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
