//! Who governs, the configuration, and the running epoch.

use piecework_interface::{governance::Settings, revenue::Revenue};
use sqlx::{PgConnection, PgTransaction, types::Json};

use crate::{
    StoreError,
    columns::{json, widen, write},
};

pub(crate) async fn settings_upsert(
    tx: &mut PgTransaction<'_>,
    stream: &str,
    (settings, revenue, seq): &(Settings, Revenue, u64),
) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO config (stream, config, revenue, updated_seq)
         VALUES ($1, $2::text::jsonb, $3::text::jsonb, $4)
         ON CONFLICT (stream) DO UPDATE
         SET config = excluded.config, revenue = excluded.revenue, updated_seq = excluded.updated_seq",
        stream,
        json(settings)?,
        json(revenue)?,
        widen(*seq, "config.updated_seq")?,
    );
    write(tx, "settings_upsert", 1, query).await
}

/// The defaults before the first line.
pub(crate) async fn settings_load(db: &mut PgConnection) -> Result<(Settings, Revenue), StoreError> {
    let row =
        sqlx::query!(r#"SELECT config AS "settings: Json<Settings>", revenue AS "revenue: Json<Revenue>" FROM config"#)
            .fetch_optional(db)
            .await?;
    Ok(row.map_or_else(Default::default, |row| {
        (row.settings.0, row.revenue.map_or_else(Revenue::default, |revenue| revenue.0))
    }))
}
