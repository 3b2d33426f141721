//! Lots of a batch.

pub mod get;
pub mod list;
pub mod states;

use piecework_interface::{ids::LotId, lots::lot_items};
use piecework_store::read::{batch::Batch, lot::Lot};

use crate::model;

/// A lot with its place in the batch.
fn placed(batch: &Batch, lot: Lot) -> model::Lot {
    let first_item = lot.lot.0.saturating_mul(u32::from(batch.terms.lot_size));
    let items = lot_items(batch.items, batch.terms.lot_size, LotId(lot.lot.0));
    model::Lot::new(batch.batch.0, first_item, items, lot)
}
