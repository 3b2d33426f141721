//! Writes a [`Change`]. Rows go over as arrays, one statement per table, so that a block costs the same number of round
//! trips whatever it holds. The caller's transaction makes them one: see the crate's invariants.

use sqlx::PgTransaction;

use crate::{
    StoreError, account, batch, challenge, change::Change, class, journal, ledger, lot, node, result, segment,
    settings, slot, stake, token,
};

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
    if let Some(settings) = &change.settings {
        settings::settings_upsert(tx, stream, settings).await?;
    }
    token::token_upsert(tx, &change.tokens).await?;
    account::account_upsert(tx, &change.accounts).await?;
    class::class_upsert(tx, &change.classes).await?;
    node::node_upsert(tx, &change.accounts).await?;
    node::node_class_upsert(tx, &change.accounts).await?;
    account::balance_upsert(tx, &change.balances).await?;
    batch::batch_insert(tx, &change.new_batches).await?;
    batch::batch_update(tx, &change.batches).await?;
    segment::segment_insert(tx, &change.segments).await?;
    lot::lot_upsert(tx, &change.lots).await?;
    slot::slot_upsert(tx, &change.slots).await?;
    challenge::challenge_insert(tx, &change.challenges).await?;
    result::result_insert(tx, &change.results).await?;
    ledger::ledger_insert(tx, &change.ledger).await?;
    stake::stake_insert(tx, &change.stakes).await?;
    Ok(())
}
