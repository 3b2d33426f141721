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
    /// `shown` are answers and salt. A late reveal counts until the tally. The last one tallies, if gas and log have room;
    /// otherwise poke does.
    pub(super) fn reveal(
        &mut self,
        shift: &mut Shift,
        (batch, lot): (BatchId, LotId),
        shown: (Vec<u8>, [u8; 32]),
    ) -> Result<(), Stop> {
        let key = (batch, lot);
        let found = if shift.settles { self.lots.draw(self.host, key) } else { self.lots.take(&*self.host, key) };
        let Some(mut found) = found? else { return Err(self.no_lot(batch, lot)?.into()) };
        let (index, digest) = match self.may_reveal(shift, key, &found, &shown) {
            Ok(place) => place,
            Err(skip) => {
                self.lots.put(key, found);
                return Err(skip.into());
            }
        };
        self.push(Entry::Revealed { batch, lot, digest });
        let state = &mut found.state;
        state.slots[index].phase = SlotPhase::Revealed(shown.0);
        // A jury's settlement moves thirteen nodes: poke has the gas for that.
        shift.settles = state.all_revealed() && state.round != JURY && self.may_tally(shift);
        if shift.settles {
            shift.tallied += 1;
            let place = self.place_of_record(batch, lot)?;
            self.tally(&place, found.state)?;
        } else {
            self.lots.put(key, found);
        }
        Ok(())
    }

    /// The node's slot and the digest of its answers, if they are those that it is bound to.
    fn may_reveal(
        &self,
        shift: &mut Shift,
        (batch, lot): (BatchId, LotId),
        found: &Lot,
        (answers, salt): &(Vec<u8>, [u8; 32]),
    ) -> Result<(usize, [u8; 32]), Skip> {
        let state = &found.state;
        let index = state.slot_of(shift.node).ok_or(Skip::NoSlot)?;
        let SlotPhase::Committed(committed) = state.slots[index].phase else { return Err(Skip::Phase) };
        if state.phase != LotPhase::Revealing {
            return Err(Skip::Phase);
        }
        if u32::try_from(answers.len()) != Ok(found.answer_bytes) {
            return Err(Skip::WrongLength);
        }
        let contract = shift.contract.get_or_insert_with(|| self.host.current_account());
        let binding = Binding { contract, batch, lot, round: state.round, node: shift.node };
        let digest = H::SHA256(answers);
        if commitment_to(H::SHA256, binding, &digest, salt) == committed {
            Ok((index, digest))
        } else {
            Err(Skip::WrongReveal)
        }
    }
}
