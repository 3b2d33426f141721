//! `Commit`: the node is bound to its answers.

use piecework_interface::{
    event::Entry,
    ids::{AccountNo, BatchId, LotId},
    skip::Skip,
    view::{LotPhase, SlotPhase},
};

use super::Stop;
use crate::engine::{Engine, Host};

impl<H: Host> Engine<'_, H> {
    /// A late commit counts until the slot is replaced or the round turns to reveals.
    pub(super) fn commit(
        &mut self,
        node: AccountNo,
        batch: BatchId,
        lot: LotId,
        commitment: [u8; 32],
    ) -> Result<(), Stop> {
        let place = self.place(batch, lot)??;
        let state = self.lots.peek(&*self.host, place.key())?.ok_or(Skip::NoLot)?;
        let index = state.slot_of(node).ok_or(Skip::NoSlot)?;
        if state.phase != LotPhase::Working || !matches!(state.slots[index].phase, SlotPhase::Reserved(_)) {
            return Err(Skip::Phase.into());
        }
        let mut state = self.lots.take(&*self.host, place.key())?.ok_or(Skip::NoLot)?;
        state.slots[index].phase = SlotPhase::Committed(commitment);
        self.push(Entry::Committed { batch, lot, commitment });
        if state.commits() >= usize::from(place.facts.terms.seats(state.round)) {
            self.start_reveals(&place, &mut state, Vec::new())?;
        }
        self.lots.put(place.key(), state);
        Ok(())
    }
}
