//! Who governs, and the configuration.

use piecework_interface::governance::Settings;
use sqlx::{PgConnection, PgTransaction, types::Json};

use crate::{
    StoreError,
    columns::{json, widen, write},
};

pub(crate) async fn settings_upsert(
    tx: &mut PgTransaction<'_>,
    stream: &str,
    (settings, seq): &(Settings, u64),
) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO config (stream, config, updated_seq)
         VALUES ($1, $2::text::jsonb, $3)
         ON CONFLICT (stream) DO UPDATE SET config = excluded.config, updated_seq = excluded.updated_seq",
        stream,
        json(settings)?,
        widen(*seq, "config.updated_seq")?,
    );
    write(tx, "settings_upsert", 1, query).await
}

/// Who governs and the configuration; the defaults before the first line.
///
/// # Errors
/// The read failed.
pub async fn settings_load(db: &mut PgConnection) -> Result<Settings, StoreError> {
    let row = sqlx::query!(r#"SELECT config AS "settings: Json<Settings>" FROM config"#).fetch_optional(db).await?;
    Ok(row.map(|row| row.settings.0).unwrap_or_default())
}
