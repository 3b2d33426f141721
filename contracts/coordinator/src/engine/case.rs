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
        // An intent that fails ends its own changes, not the call: it leaves the record as it is.
        let lot = self.lots.peek(&*self.host, place.key())?.ok_or(Error::Lot(Skip::NoLot.text()))?;
        if lot.state.phase != phase {
            return Err(Error::Lot(match phase {
                LotPhase::Judging => "the lot does not wait for a verdict",
                _ => "the lot is not provisional: its tally is not done, or a jury sits on it",
            }));
        }
        let state = self.take_lot(&place)?.ok_or(Error::Lot(Skip::NoLot.text()))?;
        Ok((place, state))
    }
}
