//! What challenges and adjudicators add to a lot between its reveals and its settlement.

mod challenge;
mod verdict;

use piecework_interface::{
    ids::{BatchId, LotId},
    skip::Skip,
    view::{LotPhase, LotState},
};

use super::{Engine, Error, Host, lot::Place};

impl<H: Host> Engine<'_, H> {
    /// A lot in the phase that the call needs; its record is taken from its table.
    fn lot_in(&mut self, batch: BatchId, lot: LotId, phase: LotPhase) -> Result<(Place, LotState), Error> {
        let place = self.place(batch, lot)?.map_err(|skip: Skip| Error::Lot(skip.text()))?;
        let state = self.take_lot(&place)?.ok_or(Error::Lot(Skip::NoLot.text()))?;
        if state.phase != phase {
            // An intent that fails ends its own changes, not the call.
            self.put_lot(&place, state);
            return Err(Error::Lot(match phase {
                LotPhase::Judging => "the lot does not wait for a verdict",
                _ => "the lot is not provisional: its tally is not done, or a jury sits on it",
            }));
        }
        Ok((place, state))
    }
}
