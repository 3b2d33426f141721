//! What gold, challenges and adjudicators add to a lot between its reveals and its settlement.

mod challenge;
mod gold;
mod verdict;

use piecework_interface::{
    amount::Amount,
    event::Entry,
    ids::{AccountNo, BatchId, LotId, NEAR},
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
            return Err(Error::Lot(match phase {
                LotPhase::Judging => "the lot does not wait for a verdict",
                _ => "the lot is not provisional: its tally is not done, or a jury sits on it",
            }));
        }
        Ok((place, state))
    }

    /// A provisional lot whose window is open; its record is taken from its table.
    fn provisional_lot(&mut self, batch: BatchId, lot: LotId) -> Result<(Place, LotState), Error> {
        let (place, state) = self.lot_in(batch, lot, LotPhase::Provisional)?;
        if !state.challengeable(&place.facts.terms, self.now) {
            return Err(Error::Lot("the lot's challenge window is over"));
        }
        Ok((place, state))
    }

    /// Takes a bond in NEAR: what is attached is credited first, so that too much is not lost.
    fn take_bond(&mut self, account: AccountNo, bond: u128) -> Result<(), Error> {
        let deposit = self.host.deposit();
        if deposit == 0 {
            return Err(Error::Deposit("the bond, or 1 yoctoNEAR if the NEAR balance covers it"));
        }
        if deposit > 1 {
            self.credit(account, NEAR, deposit)?;
            self.push(Entry::Deposited { account, token: NEAR, amount: Amount(deposit) });
        }
        self.debit(account, NEAR, bond)
    }
}
