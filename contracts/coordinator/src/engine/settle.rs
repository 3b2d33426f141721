//! The tally of a lot and its settlement.

use piecework_interface::{
    amount::Amount,
    answers::Items,
    case::Case,
    event::{Entry, SettledSlot},
    gold,
    ids::NEAR,
    merkle,
    settlement::{self, Held, Judgement, Settlement},
    storage::case_bytes,
    terms::JURY,
    view::{LotPhase, LotState},
};

use super::{Engine, Error, Host, balance::release, lot::Place};

/// Bytes of log that one step of a lot may write: a settlement of eight slots, with a jury's five and four challengers,
/// and the close of its batch.
pub(super) const STEP_LOG_BYTES: usize = 2_560;

impl<H: Host> Engine<'_, H> {
    /// Tallies a round whose reveals are in or out of time. The lot's record was taken from its table.
    pub(super) fn tally(&mut self, place: &Place, mut state: LotState) -> Result<(), Error> {
        let terms = &place.facts.terms;
        let judgement = settlement::judge(terms, place.items, &state);
        let open_items = judgement.unresolved();
        if state.round == JURY {
            return self.settle_judged(place, &state, &judgement, true);
        }
        if terms.adjudicator().is_some() {
            self.turn(&mut state, LotPhase::Judging);
            self.push(Entry::Judging { batch: place.batch, lot: place.lot });
        } else if state.round == 0 && open_items != 0 && terms.max > terms.start {
            state.begin_round(1, self.now);
            state.open_items = open_items;
            self.push(Entry::Extended { batch: place.batch, lot: place.lot, items: Items(open_items) });
        } else if terms.challenge_window_s > 0 {
            let accepted = Items(judgement.accepted());
            let digest = judgement.digest(H::SHA256);
            self.turn(&mut state, LotPhase::Provisional);
            self.push(Entry::Provisional { batch: place.batch, lot: place.lot, accepted, digest });
        } else {
            return self.settle_judged(place, &state, &judgement, true);
        }
        self.put_lot(place, state);
        Ok(())
    }

    /// Settles a lot by recomputing its tally. The lot's record, if it had one, was taken from its table.
    pub(super) fn settle(&mut self, place: &Place, state: &LotState, recorded: bool) -> Result<(), Error> {
        let judgement = settlement::judge(&place.facts.terms, place.items, state);
        self.settle_judged(place, state, &judgement, recorded)
    }

    fn settle_judged(
        &mut self,
        place: &Place,
        state: &LotState,
        judgement: &Judgement<'_>,
        recorded: bool,
    ) -> Result<(), Error> {
        let Place { batch, lot, ref facts, .. } = *place;
        let insurance = self.root.insurance;
        let purse = self.peek_purse(batch)?;
        let held = Held {
            insurance,
            adjudicator_bond: purse.adjudicator_bond.map_or(0, |bond| bond.0),
            gold_slashes: gold::slashes(purse.gold_opened, purse.gold_void),
        };
        let settlement = judgement.settle_with(&facts.fixed, &held);
        let mut slots = Vec::with_capacity(state.slots.len());
        let mut paid: u128 = 0;
        for (slot, outcome) in state.slots.iter().zip(&settlement.slots) {
            self.end_slot(slot.node, outcome.bond, outcome.slash)?;
            let now = self.now;
            let class = facts.terms.class;
            let reputation = self.edit_node(slot.node, |node| {
                node.settle(class, outcome, settlement.earned_fee, &facts.fixed, now);
                node.class(class).map_or(0, |record| record.reputation)
            })?;
            self.count_tickets(slot.node)?;
            self.credit(slot.node, facts.token, outcome.pay)?;
            paid = paid.checked_add(outcome.pay).ok_or(Error::Internal("the pay of a lot"))?;
            slots.push(SettledSlot {
                node: slot.node,
                pay: Amount(outcome.pay),
                slash: Amount(outcome.slash),
                reputation,
            });
        }
        let accepted = judgement.accepted();
        let digest = judgement.digest(H::SHA256);
        let insurance = self.root.insurance.checked_add(settlement.forfeit);
        self.root.insurance = insurance.ok_or(Error::Internal("the insurance pool"))?;
        if let Some(case) = &state.case {
            self.settle_case(place, state, case, &settlement, judgement.overturned())?;
        }
        // Fee and rest stay with the batch: moving them would cost two more records in every settlement.
        let purse = self.purse(batch)?;
        purse.escrow = purse.escrow.checked_sub(paid).ok_or(Error::Internal("the escrow of a batch"))?;
        purse.fees = purse.fees.checked_add(settlement.fee).ok_or(Error::Internal("the fees of a batch"))?;
        purse.freed = purse.freed.checked_add(settlement.refund).ok_or(Error::Internal("what lots left"))?;
        if recorded {
            purse.live = purse.live.checked_sub(1).ok_or(Error::Internal("the count of live lots"))?;
        }
        purse.gold_void = purse.gold_void.saturating_add(settlement.gold_void);
        if let Some(bond) = &mut purse.adjudicator_bond {
            bond.0 = bond.0.checked_sub(settlement.forfeit).ok_or(Error::Internal("the adjudicator's bond"))?;
        }
        let n = purse.results.count;
        purse.results.append(H::SHA256, merkle::result_leaf(H::SHA256, n, lot, accepted, &digest));
        if !place.marked {
            self.mark(place)?;
        }
        self.push(Entry::Settled {
            batch,
            lot,
            n,
            accepted: Items(accepted),
            digest,
            fee: Amount(settlement.fee),
            refund: Amount(settlement.refund),
            slots,
        });
        self.close_if_done(batch)?;
        Ok(())
    }

    /// Bonds and bytes of challenges come back, and jurors are paid, out of the insurance pool that the bonds went to.
    fn settle_case(
        &mut self,
        place: &Place,
        state: &LotState,
        case: &Case,
        settlement: &Settlement,
        overturned: u64,
    ) -> Result<(), Error> {
        let (jurors, challengers) = settlement.credits(state);
        let bytes = case_bytes(&place.facts.terms);
        let mut insurance = self.root.insurance;
        for challenge in &case.challenges {
            release(self.account(challenge.account)?, bytes)?;
            self.forget(challenge.account)?;
            insurance = insurance.saturating_add(challenge.bond.0);
        }
        for credited in jurors.iter().chain(&challengers) {
            self.credit(credited.account, NEAR, credited.amount.0)?;
            insurance = insurance.checked_sub(credited.amount.0).ok_or(Error::Internal("the insurance pool"))?;
        }
        self.root.insurance = insurance;
        if !(jurors.is_empty() && challengers.is_empty()) {
            let (batch, lot, forfeit) = (place.batch, place.lot, Amount(settlement.forfeit));
            self.push(Entry::Ruled { batch, lot, overturned: Items(overturned), jurors, challengers, forfeit });
        }
        Ok(())
    }
}
