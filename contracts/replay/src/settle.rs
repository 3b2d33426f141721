//! A lot's result and its settlement: what the journal tells is checked against the rules.

use super::{
    EndedSlot, Fault, LotResult, MovementKind, SlotEnd,
    step::{Cause, Side, Step, add, subtract},
};
use piecework_interface::{
    call::INTENTS_EXECUTE,
    due::LotStep,
    event::SettledSlot,
    host::sha256,
    ids::{BatchId, Digest, LotId},
    merkle,
    settlement::{self, Judgement, Next, Settlement},
    terms::JURY,
    view::{LotPhase, LotState, OpenBatch},
};

/// Methods by which a requester closes lots that no node holds.
const SKIPPING: [&str; 2] = ["batch_skip_lots", INTENTS_EXECUTE];

impl Step<'_> {
    pub fn provisional(&mut self, batch: BatchId, lot: LotId, accepted: u64, digest: &Digest) -> Result<(), Fault> {
        self.must_follow(batch, lot, Next::Appeal)?;
        let result = self.judged(batch, lot, |judgement| (judgement.accepted(), judgement.digest(sha256)))?;
        if result != (accepted, *digest) {
            return Err(Fault::Differs("the result"));
        }
        self.turn(batch, lot, LotPhase::Provisional)
    }

    pub fn settled(
        &mut self,
        (batch, lot): (BatchId, LotId),
        (n, accepted, digest): (u32, u64, Digest),
        (fee, refund, forfeit): (u128, u128, u128),
        slots: &[SettledSlot],
    ) -> Result<(), Fault> {
        self.must_settle(batch, lot)?;
        let open = self.terms_of(batch)?.clone();
        let record = self.mirror.lots.remove(&(batch, lot));
        self.changes.lots.insert((batch, lot));
        let state = record.clone().unwrap_or_default();
        let judgement = settlement::judge(&open.terms, open.lot_items(lot), &state);
        if (judgement.accepted(), judgement.digest(sha256)) != (accepted, digest) {
            return Err(Fault::Differs("the result"));
        }
        let result = LotResult {
            batch,
            lot,
            n,
            accepted,
            overturned: judgement.ruled(),
            digest,
            answers: judgement.answers(),
            fee,
            refund,
            record,
            settled_at: self.context.now_s,
            seq: self.mirror.root.seq,
        };
        let settlement = judgement.settle(&open.fixed, &open.held(&state), open.referrer.as_ref());
        if (settlement.fee, settlement.refund, settlement.forfeit) != (fee, refund, forfeit) {
            return Err(Fault::Differs("fee, refund or forfeit"));
        }
        self.settle_slots(&result, slots, &open, (&state, &judgement, &settlement))?;
        self.settle_batch(&result, &settlement)?;
        if result.record.is_some() {
            let live = &mut self.open_batch(batch)?.progress.live;
            *live = live.checked_sub(1).ok_or(Fault::Range("the count of live lots"))?;
        }
        self.mark(batch, lot)?;
        self.changes.results.push(result);
        Ok(())
    }

    /// A lot settles without a record (skipped by its requester), when its round ended without a result, after its tally
    /// where there is no window, or when that is due.
    fn must_settle(&mut self, batch: BatchId, lot: LotId) -> Result<(), Fault> {
        let Some(state) = self.mirror.lots.get(&(batch, lot)) else {
            let open = self.terms_of(batch)?;
            let is_new = open.lot_items(lot) > 0 && !open.progress.window.is_marked(lot);
            return if is_new { self.must_be(&SKIPPING) } else { Err(Fault::NoLot(batch, lot)) };
        };
        match state.phase {
            LotPhase::Working if state.slots.is_empty() && !self.freed.contains(&(batch, lot)) => {
                self.must_be(&SKIPPING)
            }
            LotPhase::Working if state.slots.is_empty() => Ok(()),
            LotPhase::Working | LotPhase::Revealing => self.must_follow(batch, lot, Next::Settle),
            LotPhase::Provisional | LotPhase::Judging => self.must_be_due(batch, lot, LotStep::Settle),
        }
    }

    /// Judges a lot by the mirror's record.
    pub fn judged<T>(
        &mut self,
        batch: BatchId,
        lot: LotId,
        look: impl FnOnce(&Judgement<'_>) -> T,
    ) -> Result<T, Fault> {
        let open = self.terms_of(batch)?;
        let state = self.mirror.lots.get(&(batch, lot)).ok_or(Fault::NoLot(batch, lot))?;
        Ok(look(&settlement::judge(&open.terms, open.lot_items(lot), state)))
    }

    fn settle_slots(
        &mut self,
        result: &LotResult,
        told: &[SettledSlot],
        open: &OpenBatch,
        (state, judgement, settlement): (&LotState, &Judgement<'_>, &Settlement),
    ) -> Result<(), Fault> {
        let (batch, lot) = (result.batch, result.lot);
        if settlement.slots.len() != told.len() || state.slots.len() != told.len() {
            return Err(Fault::Differs("the list of slots"));
        }
        let now_s = self.context.now_s;
        let cause = Cause { batch: Some(batch), lot: Some(lot) };
        for (index, ((slot, outcome), told)) in state.slots.iter().zip(&settlement.slots).zip(told).enumerate() {
            if (slot.node, outcome.pay, outcome.slash) != (told.node, told.pay.0, told.slash.0) {
                return Err(Fault::Differs("what a slot gets"));
            }
            self.free_bond(slot.node, outcome.bond, outcome.slash)?;
            let class = open.terms.class;
            let reputation = self.node(slot.node, |node| {
                node.settle(class, outcome, settlement.net_fee, &open.fixed, now_s);
                node.class(class).map(|record| record.reputation).ok_or(Fault::NoClass(slot.node, class))
            })?;
            if reputation != told.reputation {
                return Err(Fault::Differs("a node's reputation"));
            }
            self.balance(slot.node, open.token, Side::Credit(outcome.pay), MovementKind::Pay, cause)?;
            self.changes.ended.push(EndedSlot {
                batch,
                lot,
                slot: slot.clone(),
                end: SlotEnd::Settled,
                pay: outcome.pay,
                slash: outcome.slash,
                reputation: Some(reputation),
                agreed: if slot.round < JURY { judgement.agreed(index) } else { 0 },
            });
        }
        self.settle_case(batch, lot, state, settlement)
    }

    /// Escrow, fees, what is freed, and the results' range.
    fn settle_batch(&mut self, result: &LotResult, settlement: &Settlement) -> Result<(), Fault> {
        let (batch, lot) = (result.batch, result.lot);
        let held = self.open_batch(batch)?;
        subtract(&mut held.escrow, settlement.spent(), "the batch's escrow")?;
        add(&mut held.progress.fees, result.fee.saturating_sub(settlement.referral), "the batch's fees")?;
        add(&mut held.progress.referral, settlement.referral, "the referrer's part")?;
        add(&mut held.progress.freed, result.refund, "what the batch's lots left")?;
        let range = self.mirror.ranges.get_mut(&batch).ok_or(Fault::NoBatch(batch))?;
        if range.count != result.n {
            return Err(Fault::Differs("the settlement number"));
        }
        range.append(sha256, merkle::result_leaf(sha256, result.n, lot, result.accepted, &result.digest));
        let (settled, results_root) = (range.count, merkle::bag(sha256, range));
        let row = self.batch(batch)?;
        (row.settled, row.results_root) = (settled, results_root);
        Ok(())
    }
}
