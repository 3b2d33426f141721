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
use crate::engine::{Engine, Host, record::Lot};

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
        let contract = shift.contract.get_or_insert_with(|| self.host.current_account());
        let key = (batch, lot);
        let Some(Lot { state, answer_bytes, .. }) = self.peek_lot(batch, lot)? else {
            return Err(self.no_lot(batch, lot)?.into());
        };
        let index = state.slot_of(node).ok_or(Skip::NoSlot)?;
        let SlotPhase::Committed(committed) = state.slots[index].phase else { return Err(Skip::Phase.into()) };
        if state.phase != LotPhase::Revealing {
            return Err(Skip::Phase.into());
        }
        if u32::try_from(answers.len()) != Ok(*answer_bytes) {
            return Err(Skip::WrongLength.into());
        }
        let binding = Binding { contract, batch, lot, round: state.round, node };
        let digest = H::SHA256(&answers);
        if commitment_to(H::SHA256, binding, &digest, salt) != committed {
            return Err(Skip::WrongReveal.into());
        }
        let mut found = self.lots.take(&*self.host, key)?.ok_or(Skip::NoLot)?;
        self.push(Entry::Revealed { batch, lot, digest });
        let state = &mut found.state;
        state.slots[index].phase = SlotPhase::Revealed(answers);
        // A jury's settlement moves thirteen nodes: poke has the gas for that.
        if state.all_revealed() && state.round != JURY && self.may_tally(shift) {
            shift.tallied += 1;
            let place = self.place_of_record(batch, lot)?;
            self.tally(&place, found.state)?;
        } else {
            self.lots.put(key, found);
        }
        Ok(())
    }
}
