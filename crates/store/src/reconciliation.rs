//! Comparisons of the mirror with the contract's views.

use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    StoreError,
    columns::{narrow, widen},
};

/// A finished comparison of the mirror with the contract's views.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconciliation {
    /// Block at which both sides were read.
    pub height: u64,
    /// Its hash, base58.
    pub hash: String,
    /// Its time, Unix seconds.
    pub block_at: u64,
    /// Wall time of the run, milliseconds.
    pub took_ms: u64,
    /// Rows compared.
    pub rows: u64,
    /// Rows that differ or exist on one side only.
    pub mismatches: u64,
    /// Whether nothing is wrong.
    pub ok: bool,
    /// The report.
    pub report: Value,
}

/// Keeps the result of a run.
///
/// # Errors
/// The database failed.
pub async fn reconciliation_insert(conn: &mut PgConnection, run: &Reconciliation) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO reconciliations (height, hash, block_at, took_ms, rows, mismatches, ok, report)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        widen(run.height, "reconciliations.height")?,
        run.hash,
        widen(run.block_at, "reconciliations.block_at")?,
        widen(run.took_ms, "reconciliations.took_ms")?,
        widen(run.rows, "reconciliations.rows")?,
        widen(run.mismatches, "reconciliations.mismatches")?,
        run.ok,
        run.report,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The last comparison.
///
/// # Errors
/// The read failed.
pub async fn reconciliation_last(db: &mut PgConnection) -> Result<Option<piecework_api::Reconciliation>, StoreError> {
    sqlx::query!("SELECT height, block_at, rows, mismatches, ok FROM reconciliations ORDER BY id DESC LIMIT 1")
        .fetch_optional(db)
        .await?
        .map(|row| {
            Ok(piecework_api::Reconciliation {
                height: narrow(row.height, "reconciliations.height")?,
                block_at: narrow(row.block_at, "reconciliations.block_at")?,
                rows: narrow(row.rows, "reconciliations.rows")?,
                mismatches: narrow(row.mismatches, "reconciliations.mismatches")?,
                ok: row.ok,
            })
        })
        .transpose()
}
