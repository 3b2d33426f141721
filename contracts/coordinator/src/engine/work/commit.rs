//! `Commit`: the node is bound to its answers.

use piecework_interface::{
    event::Entry,
    ids::{AccountNo, BatchId, LotId},
    skip::Skip,
    view::{LotPhase, LotState, SlotPhase},
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
        let key = (batch, lot);
        let Some(mut found) = self.lots.take(&*self.host, key)? else { return Err(self.no_lot(batch, lot)?.into()) };
        let index = match may_commit(&found.state, node) {
            Ok(index) => index,
            Err(skip) => {
                self.lots.put(key, found);
                return Err(skip.into());
            }
        };
        found.state.slots[index].phase = SlotPhase::Committed(commitment);
        self.end_reservation(node)?;
        self.push(Entry::Committed { batch, lot, commitment });
        if found.state.commits() >= usize::from(found.seats) {
            let place = self.place_of_record(batch, lot)?;
            self.start_reveals(&place, &mut found.state, Vec::new())?;
        }
        self.lots.put(key, found);
        Ok(())
    }
}

/// The node's slot, if it may still commit.
fn may_commit(state: &LotState, node: AccountNo) -> Result<usize, Skip> {
    let index = state.slot_of(node).ok_or(Skip::NoSlot)?;
    let reserved = matches!(state.slots[index].phase, SlotPhase::Reserved(_));
    if state.phase == LotPhase::Working && reserved { Ok(index) } else { Err(Skip::Phase) }
}
