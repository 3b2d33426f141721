//! Writes a [`Change`]. Rows go over as arrays, one statement per table, so that a block costs the same number of round
//! trips whatever it holds. The caller's transaction makes them one: see the crate's invariants.
#![expect(clippy::as_conversions, reason = "sqlx's macros take a parameter's type this way")]

mod accounts;
mod batches;
mod journal;
mod money;
mod slots;

use sqlx::PgTransaction;

use crate::{StoreError, change::Change};

/// Writes all rows of a change, parents before children.
///
/// # Errors
/// A row that must be new exists, one that must exist does not, or the database failed. The transaction must then be
/// dropped.
pub async fn change_write(tx: &mut PgTransaction<'_>, stream: &str, change: &Change) -> Result<(), StoreError> {
    journal::block_insert(tx, &change.blocks).await?;
    journal::receipt_insert(tx, &change.receipts).await?;
    journal::event_insert(tx, &change.events).await?;
    journal::reveal_insert(tx, &change.reveals).await?;
    if let Some((settings, revenue, seq)) = &change.settings {
        money::settings_upsert(tx, stream, (settings, revenue), *seq).await?;
    }
    money::token_upsert(tx, &change.tokens).await?;
    accounts::account_upsert(tx, &change.accounts).await?;
    accounts::node_upsert(tx, &change.accounts).await?;
    accounts::node_class_upsert(tx, &change.accounts).await?;
    money::balance_upsert(tx, &change.balances).await?;
    batches::batch_insert(tx, &change.new_batches).await?;
    batches::batch_update(tx, &change.batches).await?;
    batches::lot_upsert(tx, &change.lots).await?;
    slots::slot_upsert(tx, &change.slots).await?;
    batches::result_insert(tx, &change.results).await?;
    money::ledger_insert(tx, &change.ledger).await?;
    Ok(())
}
