//! The mirror as the database holds it, in the view types that the contract answers. The indexer starts from it, and
//! reconciliation compares it.
//!
//! It is read whole: its size is that of the contract's live state, not of its history.

mod accounts;
mod batches;

use std::collections::BTreeMap;

use piecework_interface::{
    governance::Settings,
    ids::{BatchId, LotId, TokenId},
    revenue::Revenue,
    view::Token,
};
use piecework_replay::Mirror;
use sqlx::{PgConnection, types::Json};

use crate::{
    StoreError,
    change::SlotRow,
    cursor::{Cursor, cursor_find},
    read::token::token_list,
};

/// Live slots by the line of their claim.
pub type LiveSlots = BTreeMap<(BatchId, LotId, u64), SlotRow>;

/// The mirror with what it needs to go on.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Where it stands.
    pub cursor: Cursor,
    /// The rows.
    pub mirror: Mirror,
    /// Live slots with what only the history tells: claim, times.
    pub slots: LiveSlots,
}

/// Loads the mirror; `None` in a database that mirrors nothing yet. Call it inside a `REPEATABLE READ` transaction, or as
/// the only writer.
///
/// # Errors
/// The database failed, or a row is not what this product writes.
pub async fn mirror_load(conn: &mut PgConnection) -> Result<Option<Loaded>, StoreError> {
    let Some(cursor) = cursor_find(conn).await? else {
        return Ok(None);
    };
    let (settings, revenue) = settings_find(conn).await?;
    let mut mirror = Mirror {
        root: cursor.root.clone(),
        settings,
        revenue,
        tokens: tokens(conn).await?,
        accounts: accounts::account_list(conn).await?,
        batches: batches::batch_list(conn).await?,
        ..Mirror::default()
    };
    mirror.ranges = batches::range_list(conn, &mirror.batches).await?;
    let slots = batches::slot_list(conn).await?;
    mirror.lots = batches::lot_list(conn, &slots).await?;

    Ok(Some(Loaded { cursor, mirror, slots }))
}

async fn settings_find(conn: &mut PgConnection) -> Result<(Settings, Revenue), StoreError> {
    let row =
        sqlx::query!(r#"SELECT config AS "settings: Json<Settings>", revenue AS "revenue: Json<Revenue>" FROM config"#)
            .fetch_optional(conn)
            .await?;
    Ok(row.map_or_else(Default::default, |row| {
        (row.settings.0, row.revenue.map_or_else(Revenue::default, |revenue| revenue.0))
    }))
}

async fn tokens(conn: &mut PgConnection) -> Result<BTreeMap<TokenId, Token>, StoreError> {
    let listed = token_list(conn, None, u32::MAX).await?;
    Ok(listed.into_iter().map(|token| (token.row.token, token.row)).collect())
}
