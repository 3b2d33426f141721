//! The mirror as the database holds it, in the view types that the contract answers. The indexer starts from it, and
//! reconciliation compares it.
//!
//! It is read whole: its size is that of the contract's live state, not of its history.

use piecework_replay::Mirror;
use sqlx::PgConnection;

use crate::{
    StoreError,
    account::account_load,
    batch::batch_load,
    class::class_load,
    cursor::{Cursor, cursor_find},
    lot::lot_load,
    result::range_load,
    settings::settings_load,
    slot::{LiveSlots, slot_load},
    token::token_load,
};

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
pub async fn mirror_load(db: &mut PgConnection) -> Result<Option<Loaded>, StoreError> {
    let Some(cursor) = cursor_find(db).await? else {
        return Ok(None);
    };
    let batches = batch_load(db).await?;
    let (slots, slots_by_lot) = slot_load(db).await?;
    let mirror = Mirror {
        root: cursor.root.clone(),
        settings: settings_load(db).await?,
        classes: class_load(db).await?,
        tokens: token_load(db).await?,
        accounts: account_load(db).await?,
        ranges: range_load(db, &batches).await?,
        batches,
        lots: lot_load(db, slots_by_lot).await?,
    };
    Ok(Some(Loaded { cursor, mirror, slots }))
}
