//! The tally of a lot and its settlement.

use piecework_interface::{
    amount::Amount,
    answers::Items,
    case::Case,
    event::{Entry, SettledSlot},
    ids::NEAR,
    merkle,
    settlement::{self, Held, Judgement, Next, Settlement},
    storage::challenge_bytes,
    view::{LotPhase, LotState},
};

use super::{
    Engine, Error, Host,
    balance::{add, release, take},
    lot::Place,
};

const PAY: &str = "the pay of a slot";
const FEES: &str = "the fees of a batch";

/// Bytes of log that one step of a lot may write: a settlement of eight slots, with a jury's five and four challengers,
/// and the close of its batch.
pub(super) const STEP_LOG_BYTES: usize = 2_704;

impl<H: Host> Engine<'_, H> {
    /// Tallies a round whose reveals are in or out of time. The lot's record was taken from its table.
    pub(super) fn tally(&mut self, place: &Place, mut state: LotState) -> Result<(), Error> {
        let terms = &place.facts.terms;
        let judgement = settlement::judge(terms, place.items, &state);
        match judgement.next(state.round) {
            Next::Settle => return self.settle_judged(place, &state, &judgement, true),
            Next::Judge => {
                self.turn(&mut state, LotPhase::Judging);
                self.push(Entry::Judging { batch: place.batch, lot: place.lot });
            }
            Next::Extend(open_items) => {
                state.begin_round(1, self.now);
                state.open_items = open_items;
                self.push(Entry::Extended { batch: place.batch, lot: place.lot, items: Items(open_items) });
            }
            Next::Appeal => {
                let accepted = Items(judgement.accepted());
                let digest = judgement.digest(H::SHA256);
                self.turn(&mut state, LotPhase::Provisional);
                self.push(Entry::Provisional { batch: place.batch, lot: place.lot, accepted, digest });
            }
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
        let held = Held::of(&state.terms(&facts.terms), place.bond);
        let settlement = judgement.settle(&facts.fixed, &held, facts.referrer.as_ref());
        let mut slots = Vec::with_capacity(state.slots.len());
        for (slot, outcome) in state.slots.iter().zip(&settlement.slots) {
            self.end_slot(slot.node, outcome.bond, outcome.slash)?;
            let now = self.now;
            let class = facts.terms.class;
            let reputation = self.edit_node(slot.node, |node| {
                node.settle(class, outcome, settlement.net_fee, &facts.fixed, now);
                node.class(class).map_or(0, |record| record.reputation)
            })?;
            let pot = if outcome.shares_pot() { settlement.pot } else { 0 };
            let mut tokens = outcome.pay;
            add(&mut tokens, outcome.fee, PAY)?;
            add(&mut tokens, pot, PAY)?;
            self.credit(slot.node, facts.token, tokens)?;
            slots.push(SettledSlot {
                node: slot.node,
                pay: Amount(outcome.pay),
                slash: Amount(outcome.slash),
                reputation,
            });
        }
        let accepted = judgement.accepted();
        let digest = judgement.digest(H::SHA256);
        self.burn(settlement.burnt())?;
        if let Some(case) = &state.case {
            self.settle_case(place, state, case, &settlement, judgement.overturned())?;
        }
        // Fee and rest stay with the batch: moving them would cost two more records in every settlement.
        let purse = self.purse(batch)?;
        take(&mut purse.escrow, settlement.spent(), "the escrow of a batch")?;
        add(&mut purse.fees, settlement.fee, FEES)?;
        take(&mut purse.fees, settlement.referral, FEES)?;
        add(&mut purse.referral, settlement.referral, FEES)?;
        add(&mut purse.freed, settlement.refund, "what lots left")?;
        if recorded {
            purse.live = purse.live.checked_sub(1).ok_or(Error::Internal("the count of live lots"))?;
        }
        if let Some(bond) = &mut purse.bond {
            take(bond, settlement.forfeit, "the adjudicator's bond")?;
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
            forfeit: Amount(settlement.forfeit),
            slots,
        });
        self.close_if_done(batch)?;
        Ok(())
    }

    /// Deposits and bytes of challenges come back, and NEAR out of slashes reaches jurors and challengers.
    fn settle_case(
        &mut self,
        place: &Place,
        state: &LotState,
        case: &Case,
        settlement: &Settlement,
        overturned: u64,
    ) -> Result<(), Error> {
        if case.challenges.is_empty() {
            return Ok(());
        }
        let (jurors, challengers) = settlement.case_pay(state);
        for pay in &jurors {
            self.credit(pay.node, NEAR, pay.near.0)?;
        }
        for (challenge, pay) in case.challenges.iter().zip(&challengers) {
            release(self.account(pay.account)?, challenge_bytes(&place.facts.terms, challenge.items))?;
            self.forget(pay.account)?;
            self.credit(pay.account, place.facts.token, pay.tokens.0)?;
            self.credit(pay.account, NEAR, pay.near.0)?;
        }
        let (batch, lot, pot) = (place.batch, place.lot, Amount(settlement.pot));
        self.push(Entry::Ruled { batch, lot, overturned: Items(overturned), jurors, challengers, pot });
        Ok(())
    }
}
