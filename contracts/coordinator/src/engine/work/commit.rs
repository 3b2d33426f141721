//! `Commit`: the node is bound to its answers.

use piecework_interface::{
    event::Entry,
    ids::{AccountNo, BatchId, LotId},
    skip::Skip,
    view::{LotPhase, SlotPhase},
};

use super::Stop;
use crate::engine::{Engine, Host, record::Lot};

impl<H: Host> Engine<'_, H> {
    /// A late commit counts until the slot is replaced or the round turns to reveals.
    pub(super) fn commit(
        &mut self,
        node: AccountNo,
        batch: BatchId,
        lot: LotId,
        commitment: [u8; 32],
    ) -> Result<(), Stop> {
        let key = (batch, lot);
        let Some(Lot { state, .. }) = self.peek_lot(batch, lot)? else {
            return Err(self.no_lot(batch, lot)?.into());
        };
        let index = state.slot_of(node).ok_or(Skip::NoSlot)?;
        if state.phase != LotPhase::Working || !matches!(state.slots[index].phase, SlotPhase::Reserved(_)) {
            return Err(Skip::Phase.into());
        }
        let mut found = self.lots.take(&*self.host, key)?.ok_or(Skip::NoLot)?;
        found.state.slots[index].phase = SlotPhase::Committed(commitment);
        self.push(Entry::Committed { batch, lot, commitment });
        if found.state.commits() >= usize::from(found.seats) {
            let place = self.place_of_record(batch, lot)?;
            self.start_reveals(&place, &mut found.state, Vec::new())?;
        }
        self.lots.put(key, found);
        Ok(())
    }
}
