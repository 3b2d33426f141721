//! Gold of a batch: openings are published, and what they say of the copies is read.

pub mod get;
pub mod post;

use std::collections::{BTreeMap, BTreeSet};

use piecework_api::{
    Batch, Lot, LotState, LotWithSlots,
    gold::{GoldItem, GoldRoot, contradicted, copies},
};
use piecework_interface::ids::LotId;
use piecework_store::{
    PgConnection,
    batch::{BatchShape, batch_get, batch_shape_get},
    lot::lot_list,
    result::result_list,
    slot::slot_list_by_lot,
};

use crate::{extract::LIMIT_MAX, gold::Open, problem::Problem};

/// A batch whose creation names a gold root.
struct Golden {
    batch: Batch,
    shape: BatchShape,
    root: GoldRoot,
}

impl Golden {
    async fn find(db: &mut PgConnection, number: u32) -> Result<Self, Problem> {
        let id = piecework_interface::ids::BatchId(number);
        let missing = || Problem::not_found("batch", number);
        let batch = batch_get(db, id).await?.ok_or_else(missing)?;
        let shape = batch_shape_get(db, id).await?.ok_or_else(missing)?;
        let root = GoldRoot::of(&batch).ok_or_else(|| Problem::not_found("gold of batch", number))?;
        Ok(Self { batch, shape, root })
    }

    /// The lot of an item, and the item's place in it.
    fn place(&self, item: u32) -> (LotId, u8) {
        let size = u32::from(self.shape.lot_size.max(1));
        (LotId(item / size), u8::try_from(item % size).unwrap_or(u8::MAX))
    }

    /// The lots of items, by number.
    async fn lots(&self, db: &mut PgConnection, items: impl Iterator<Item = u32>) -> Result<Vec<Lot>, Problem> {
        let lots: BTreeSet<LotId> = items.map(|item| self.place(item).0).collect();
        Ok(lot_list(db, &self.shape, &lots.into_iter().collect::<Vec<_>>()).await?)
    }

    /// What is open, with what the copies say, by place.
    async fn items(&self, db: &mut PgConnection, open: Open) -> Result<Vec<GoldItem>, Problem> {
        let wrong = contradicted(open.openings.values().map(|kept| &kept.opening));
        let items = open.openings.values().map(|kept| kept.opening.item);
        let lots = self.lots(db, items).await?;
        let mut by_lot: BTreeMap<LotId, Vec<_>> = BTreeMap::new();
        for kept in open.openings.into_values() {
            by_lot.entry(self.place(kept.opening.item).0).or_default().push(kept);
        }
        let mut found = Vec::new();
        // A lot at a time, so that no more than one lot's answers are in memory.
        for lot in lots {
            let number = lot.lot;
            let slots = slot_list_by_lot(db, self.batch.batch, number, LIMIT_MAX).await?;
            let result = match &lot.settlement {
                Some(settlement) => result_list(db, &self.shape, settlement.n, 1).await?.into_iter().next(),
                None => None,
            };
            let lot = LotWithSlots { lot, slots, challenges: Vec::new() };
            for kept in by_lot.remove(&number).unwrap_or_default() {
                let item = self.place(kept.opening.item).1;
                let accepted = result.as_ref().and_then(|result| result.answers.get(usize::from(item))?.clone());
                found.push(GoldItem {
                    document: kept.document,
                    lot: number,
                    state: lot.lot.state,
                    contradicted: wrong.contains(&kept.opening.item),
                    accepted,
                    copies: copies(&lot, item, &kept.opening.answer),
                    opening: kept.opening,
                });
            }
        }
        found.sort_by_key(|item| item.opening.place);
        Ok(found)
    }
}

/// A lot's state in a word.
const fn word(state: LotState) -> &'static str {
    match state {
        LotState::Open => "open",
        LotState::Working => "working",
        LotState::Revealing => "revealing",
        LotState::Judging => "judging",
        LotState::Provisional => "provisional",
        LotState::Settled => "settled",
        LotState::Withdrawn => "withdrawn",
    }
}

#[cfg(test)]
mod tests;
