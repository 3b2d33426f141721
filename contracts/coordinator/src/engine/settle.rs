//! The tally of a lot and its settlement.

use piecework_interface::{
    amount::Amount,
    draw::Draw,
    event::{Entry, Items, SettledSlot},
    merkle,
    settlement::{self, Judgement},
    view::{LotPhase, LotState},
};

use super::{Engine, Error, Host, lot::Place};

/// Bytes of log that one step of a lot may write: a settlement of eight slots and the close of its batch.
pub(super) const STEP_LOG_BYTES: usize = 1_280;

impl<H: Host> Engine<'_, H> {
    /// Tallies a round whose reveals are in or out of time. The lot's record was taken from its table.
    pub(super) fn tally(&mut self, place: &Place, mut state: LotState) -> Result<(), Error> {
        let terms = &place.facts.terms;
        let judgement = settlement::judge(terms, place.items, &state);
        let open_items = judgement.unresolved();
        if state.round == 0 && open_items != 0 && terms.max > terms.start {
            state.round = 1;
            state.open_items = open_items;
            state.draw = Draw::Opened(self.now);
            state.clock_at = self.now;
            state.phase = LotPhase::Working;
            (state.phase_at, state.phase_height) = (0, 0);
            self.push(Entry::Extended { batch: place.batch, lot: place.lot, items: Items(open_items) });
        } else if terms.challenge_window_s > 0 {
            let accepted = Items(judgement.accepted());
            let digest = H::SHA256(&judgement.answers());
            self.turn(&mut state, LotPhase::Provisional);
            self.push(Entry::Provisional { batch: place.batch, lot: place.lot, accepted, digest });
        } else {
            return self.settle_judged(place, &state, &judgement, true);
        }
        self.lots.put(place.key(), state);
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
        let settlement = judgement.settle(&facts.fixed);
        let mut slots = Vec::with_capacity(state.slots.len());
        let mut paid: u128 = 0;
        for (slot, outcome) in state.slots.iter().zip(&settlement.slots) {
            self.end_slot(slot.node, outcome.bond, outcome.slash)?;
            let now = self.now;
            let class = facts.terms.class;
            let reputation = self.edit_node(slot.node, |node| {
                node.settle(class, outcome, settlement.fee, &facts.fixed, now);
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
        let digest = H::SHA256(&judgement.answers());
        // Fee and rest stay with the batch: moving them would cost two more records in every settlement.
        let purse = self.purses.edit(&*self.host, batch)?.ok_or(Error::Internal("a purse is missing"))?;
        purse.escrow = purse.escrow.checked_sub(paid).ok_or(Error::Internal("the escrow of a batch"))?;
        purse.fees = purse.fees.checked_add(settlement.fee).ok_or(Error::Internal("the fees of a batch"))?;
        purse.freed = purse.freed.checked_add(settlement.refund).ok_or(Error::Internal("what lots left"))?;
        if recorded {
            purse.live = purse.live.checked_sub(1).ok_or(Error::Internal("the count of live lots"))?;
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
}
