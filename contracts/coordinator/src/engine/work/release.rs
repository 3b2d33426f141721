//! `Release`: a seat given back.

use piecework_interface::{
    amount::Amount,
    event::Entry,
    ids::{AccountNo, BatchId, LotId},
    skip::Skip,
};

use super::Stop;
use crate::engine::{Engine, Host, record::Lot};

impl<H: Host> Engine<'_, H> {
    pub(super) fn release(&mut self, node: AccountNo, batch: BatchId, lot: LotId) -> Result<(), Stop> {
        let place = self.place(batch, lot)??;
        let Lot { state, .. } = self.lots.peek(&*self.host, place.key())?.ok_or(Skip::NoLot)?;
        let slot = &state.slots[state.slot_of(node).ok_or(Skip::NoSlot)?];
        let facts = &place.facts;
        let slash = state.release_slash(slot, &facts.terms, &facts.fixed, place.items, self.now).ok_or(Skip::Phase)?;
        let mut state = self.take_lot(&place)?.ok_or(Skip::NoLot)?;
        self.leave(&place, &mut state, node, slash)?;
        self.put_lot(&place, state);
        self.push(Entry::Released { batch, lot, slash: Amount(slash) });
        Ok(())
    }
}
