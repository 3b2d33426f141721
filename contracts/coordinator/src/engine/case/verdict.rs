//! What the one who scores a batch's copies does: `adjudicator_accept`, `adjudicator_resign`, `verdict`.

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

use crate::engine::{Engine, Error, Host, balance::add, operator::operator_of, record::OpenBatch};

impl<H: Host> Engine<'_, H> {
    /// Stands behind the batch with a bond of four parts, out of the caller's balance: what it holds already counts.
    ///
    /// # Errors
    /// The caller is not the adjudicator, the batch takes no claims any more and was never accepted, it is accepted in full,
    /// or the balance does not do.
    pub fn adjudicator_accept(mut self, args: &BatchArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let caller = self.caller()?;
        let (batch, now) = (args.batch, self.now);
        let operator = operator_of(self.account(caller)?, caller);
        let open = self.scored_batch(args, |open| Some(caller) == open.facts.terms.adjudicator())?;
        let terms = &open.facts.terms;
        let bond = adjudicator_bond(terms);
        let amount = bond.saturating_sub(open.purse.bond.unwrap_or_default());
        // The bond may be filled up for as long as lots live: else a requester who cancels voids the verdicts that are to come.
        let is_over = open.purse.bond.is_none() && batch_closed_to_claims(terms, open.cancelled, now);
        if is_over || (open.accepted && amount == 0) {
            return Err(Error::BatchState(batch, "is accepted, cancelled or expired already"));
        }
        if open.window.frontier == 0 && open.window.draws[0] == Draw::Closed {
            open.window.draws[0] = Draw::Opened(now);
        }
        // The operator of the first time stays: lots begin under it.
        open.adjudicator_operator.get_or_insert(operator);
        open.accepted = true;
        let first = open.purse.bond.replace(bond).is_none();
        add(&mut open.purse.escrow, amount, "the escrow of a batch")?;
        let token = open.facts.token;
        self.debit(caller, token, amount)?;
        if first {
            // The account must be there when the bond comes back.
            self.account(caller)?.batches += 1;
        }
        self.push(Entry::AdjudicatorAccepted { batch, amount: Amount(amount) });
        self.finish("adjudicator_accept", None)
    }

    /// Begins no more lots of the batch. The bond returns when the batch closes.
    ///
    /// # Errors
    /// The caller is not the adjudicator, or does not stand behind the batch.
    pub fn adjudicator_resign(mut self, args: &BatchArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let caller = self.caller()?;
        let open = self.scored_batch(args, |open| Some(caller) == open.facts.terms.adjudicator())?;
        if !core::mem::replace(&mut open.accepted, false) {
            return Err(Error::BatchState(args.batch, "is not accepted"));
        }
        self.push(Entry::AdjudicatorResigned { batch: args.batch });
        self.finish("adjudicator_resign", None)
    }

    /// A batch that is not closed, for the one who scores it.
    fn scored_batch(
        &mut self,
        args: &BatchArgs,
        is_adjudicator: impl FnOnce(&OpenBatch) -> bool,
    ) -> Result<&mut OpenBatch, Error> {
        let open = self.open_batch(args.batch)?.ok_or(Error::BatchState(args.batch, "does not exist or is closed"))?;
        if is_adjudicator(open) { Ok(open) } else { Err(Error::Caller("the batch's adjudicator")) }
    }

    /// Scores the slots of a lot whose reveals are done.
    ///
    /// # Errors
    /// The caller is not the adjudicator, the lot does not wait for a verdict any more, or the scores do not fit its slots.
    pub fn verdict(mut self, args: VerdictArgs) -> Result<(), Error> {
        self.assert_no_deposit()?;
        let caller = self.caller()?;
        let (place, mut state) = self.lot_in(args.batch, args.lot, LotPhase::Judging)?;
        if place.facts.terms.adjudicator() != Some(caller) {
            return Err(Error::Caller("the batch's adjudicator"));
        }
        if !state.awaits_verdict(&place.facts.terms, place.bond, self.now) {
            return Err(Error::Lot("the time for a verdict is over, or the bond is used up: top it up first"));
        }
        let VerdictArgs { batch, lot, scores, report } = args;
        if scores.len() != state.slots.len() || scores.iter().any(|score| *score > SCORE_FULL) {
            return Err(Error::Input("give one score of 0 to 10000 for each slot, in the lot's order"));
        }
        state.case_mut().verdict = Some(Verdict { scores: scores.clone(), report });
        self.push(Entry::VerdictGiven { batch, lot, scores, report });
        if state.appeal {
            self.turn(&mut state, LotPhase::Provisional);
            self.put_lot(&place, state);
        } else {
            self.settle(&place, &state, true)?;
        }
        self.finish("verdict", None)
    }
}
