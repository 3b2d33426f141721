//! `Release`: a seat given back.

use piecework_interface::{
    amount::Amount,
    event::Entry,
    ids::{AccountNo, BatchId, LotId},
    round::commits_needed,
    skip::Skip,
    view::{LotPhase, SlotPhase},
};

use super::Stop;
use crate::engine::{Engine, Host};

/// A release that breaks up a table costs this part of the abandon slash.
const RELEASE_PARTS: u128 = 10;

impl<H: Host> Engine<'_, H> {
    pub(super) fn release(&mut self, node: AccountNo, batch: BatchId, lot: LotId) -> Result<(), Stop> {
        let place = self.place(batch, lot)??;
        let (terms, now) = (&place.facts.terms, self.now);
        let state = self.lots.peek(&*self.host, place.key())?.ok_or(Skip::NoLot)?;
        let slot = &state.slots[state.slot_of(node).ok_or(Skip::NoSlot)?];
        if state.phase != LotPhase::Working {
            return Err(Skip::Phase.into());
        }
        let free = match slot.phase {
            SlotPhase::Reserved(_) => state.current().count() == 1,
            // A round that ended with too few commits stays open; whoever committed need not wait for others.
            SlotPhase::Committed(_)
                if state.round == 0
                    && state.commits() < commits_needed(terms, 0)
                    && state.round_over(terms, place.cancelled, now) =>
            {
                true
            }
            SlotPhase::Committed(_) | SlotPhase::Revealed(_) => return Err(Skip::Phase.into()),
        };
        let mut state = self.lots.take(&*self.host, place.key())?.ok_or(Skip::NoLot)?;
        let slash = if free { 0 } else { self.abandon_slash(&place, &state, node)? / RELEASE_PARTS };
        self.end_slot(node, place.bond(&state), slash)?;
        state.leave(node);
        self.lots.put(place.key(), state);
        self.push(Entry::Released { batch, lot, slash: Amount(slash) });
        Ok(())
    }
}
