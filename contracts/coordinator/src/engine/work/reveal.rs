//! `Reveal`: the answers behind a commitment.

use piecework_interface::{
    commitment::{Place as Binding, commitment_to},
    event::Entry,
    ids::{BatchId, LotId},
    skip::Skip,
    terms::JURY,
    view::{LotPhase, SlotPhase},
};

use super::{Shift, Stop};
use crate::engine::{Engine, Host};

impl<H: Host> Engine<'_, H> {
    /// A late reveal counts until the tally. The last one tallies, if gas and log have room; otherwise poke does.
    pub(super) fn reveal(
        &mut self,
        shift: &mut Shift,
        (batch, lot): (BatchId, LotId),
        answers: Vec<u8>,
        salt: &[u8; 32],
    ) -> Result<(), Stop> {
        let node = shift.node;
        let place = self.place(batch, lot)??;
        let state = self.lots.peek(&*self.host, place.key())?.ok_or(Skip::NoLot)?;
        let index = state.slot_of(node).ok_or(Skip::NoSlot)?;
        let SlotPhase::Committed(committed) = state.slots[index].phase else { return Err(Skip::Phase.into()) };
        if state.phase != LotPhase::Revealing {
            return Err(Skip::Phase.into());
        }
        if u32::try_from(answers.len()) != Ok(state.answer_bytes(&place.facts.terms, state.round, place.items)) {
            return Err(Skip::WrongLength.into());
        }
        let contract = self.host.current_account();
        let binding = Binding { contract: &contract, batch, lot, round: state.round, node };
        let digest = H::SHA256(&answers);
        if commitment_to(H::SHA256, binding, &digest, salt) != committed {
            return Err(Skip::WrongReveal.into());
        }
        let mut state = self.lots.take(&*self.host, place.key())?.ok_or(Skip::NoLot)?;
        self.push(Entry::Revealed { batch, lot, digest });
        state.slots[index].phase = SlotPhase::Revealed(answers);
        // A jury's settlement moves thirteen nodes: poke has the gas for that.
        if state.all_revealed() && state.round != JURY && self.may_tally(shift) {
            shift.tallied += 1;
            self.tally(&place, state)?;
        } else {
            self.lots.put(place.key(), state);
        }
        Ok(())
    }
}
