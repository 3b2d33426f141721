//! `Release`: a seat given back.

use piecework_interface::{
    amount::Amount,
    event::Entry,
    ids::{AccountNo, BatchId, LotId},
    round::Release,
    skip::Skip,
};

use super::Stop;
use crate::engine::{Engine, Host, record::Lot};

impl<H: Host> Engine<'_, H> {
    pub(super) fn release(&mut self, node: AccountNo, batch: BatchId, lot: LotId) -> Result<(), Stop> {
        let place = self.place(batch, lot)??;
        let Lot { state, .. } = self.lots.peek(&*self.host, place.key())?.ok_or(Skip::NoLot)?;
        let slot = &state.slots[state.slot_of(node).ok_or(Skip::NoSlot)?];
        let release = state.release_of(slot, &place.facts.terms, place.cancelled, self.now).ok_or(Skip::Phase)?;
        let mut state = self.take_lot(&place)?.ok_or(Skip::NoLot)?;
        let slash = release.slash(self.abandon_slash(&place, &state, node)?);
        self.end_slot(node, place.bond(&state), slash)?;
        if release == Release::Late {
            self.edit_node(node, |node| node.abandon())?;
        }
        state.leave(node);
        self.put_lot(&place, state);
        self.push(Entry::Released { batch, lot, slash: Amount(slash) });
        Ok(())
    }
}
