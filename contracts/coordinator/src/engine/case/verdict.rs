//! `adjudicator_accept` and `verdict`: what the one who scores a batch's copies does.

use piecework_interface::{
    amount::Amount,
    call::{BatchArgs, VerdictArgs},
    case::Verdict,
    dispute::{SCORE_FULL, adjudicator_bond},
    draw::Draw,
    event::Entry,
    round::batch_closed_to_claims,
    view::LotPhase,
};

use crate::engine::{Engine, Error, Host};

impl<H: Host> Engine<'_, H> {
    /// Puts up the adjudicator's bond and opens the batch.
    ///
    /// # Errors
    /// The caller is not the adjudicator, the batch takes no claims any more or is open, or the bond does not do.
    pub fn adjudicator_accept(mut self, args: &BatchArgs) -> Result<(), Error> {
        let caller = self.caller()?;
        let (batch, now) = (args.batch, self.now);
        let open = self.open_batch(batch)?.ok_or(Error::BatchState(batch, "does not exist or is closed"))?;
        let terms = &open.facts.terms;
        if terms.adjudicator() != Some(caller) {
            return Err(Error::Caller("the batch's adjudicator"));
        }
        if batch_closed_to_claims(terms, open.cancelled, now) || core::mem::replace(&mut open.accepted, true) {
            return Err(Error::BatchState(batch, "is accepted, cancelled or expired already"));
        }
        open.window.draws[0] = Draw::Opened(now);
        let bond = adjudicator_bond(terms, &open.facts.fixed);
        self.take_bond(caller, bond)?;
        // The account must be there when the bond comes back.
        self.account(caller)?.batches += 1;
        self.purse(batch)?.adjudicator_bond = Some(Amount(bond));
        self.push(Entry::AdjudicatorAccepted { batch, bond: Amount(bond) });
        self.finish("adjudicator_accept", None)
    }

    /// Scores the slots of a lot whose reveals are done.
    ///
    /// # Errors
    /// The caller is not the adjudicator, the lot does not wait for a verdict, or the scores do not fit its slots.
    pub fn verdict(mut self, args: VerdictArgs) -> Result<(), Error> {
        self.assert_no_deposit()?;
        let caller = self.caller()?;
        let (place, mut state) = self.lot_in(args.batch, args.lot, LotPhase::Judging)?;
        if place.facts.terms.adjudicator() != Some(caller) {
            return Err(Error::Caller("the batch's adjudicator"));
        }
        let VerdictArgs { batch, lot, scores, report } = args;
        if scores.len() != state.slots.len() || scores.iter().any(|score| *score > SCORE_FULL) {
            return Err(Error::Input("give one score of 0 to 10000 for each slot, in the lot's order"));
        }
        state.case_mut().verdict = Some(Verdict { scores: scores.clone(), report });
        self.turn(&mut state, LotPhase::Provisional);
        self.put_lot(&place, state);
        self.push(Entry::VerdictGiven { batch, lot, scores, report });
        self.finish("verdict", None)
    }
}
