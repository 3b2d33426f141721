//! Lots of a batch.

pub mod get;
pub mod list;
pub mod states;

use piecework_store::read::{batch::BatchShape, lot::Lot};

use crate::model;

/// A lot with its place in the batch.
fn placed(batch: &BatchShape, lot: Lot) -> model::Lot {
    model::Lot::new(batch.batch.0, batch.first_item(lot.lot), batch.lot_items(lot.lot), lot)
}
