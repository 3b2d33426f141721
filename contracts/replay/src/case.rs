//! Entries of a lot's case: gold, challenges, juries, adjudicators.

use super::{
    Fault, MovementKind,
    step::{Cause, Side, Step, add, subtract},
};
use piecework_interface::{
    amount::Amount,
    case::{Challenge, Decided, Verdict},
    dispute::{adjudicator_bond, challenge_bond, jury_items},
    draw::Draw,
    ids::{AccountNo, BatchId, Digest, LotId, NEAR},
    settlement::Settlement,
    storage,
    terms::JURY,
    view::{Credited, LotPhase, LotState},
};

impl Step<'_> {
    pub fn adjudicator_accepted(&mut self, batch: BatchId, bond: u128) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        let open = self.open_batch(batch)?;
        let adjudicator = open.terms.adjudicator().ok_or(Fault::Differs("the adjudicator"))?;
        let due = adjudicator_bond(&open.terms, &open.fixed);
        open.progress.window.draws[0] = Draw::Opened(now_s);
        if open.progress.adjudicator_bond.replace(Amount(bond)).is_some() || bond != due {
            return Err(Fault::Differs("the adjudicator's bond"));
        }
        self.balance(adjudicator, NEAR, Side::Debit(bond), MovementKind::Bond, Cause { batch: Some(batch), lot: None })
    }

    pub fn verdict_given(&mut self, batch: BatchId, lot: LotId, scores: &[u16], report: &Digest) -> Result<(), Fault> {
        let state = self.lot(batch, lot)?;
        if state.phase != LotPhase::Judging || state.slots.len() != scores.len() {
            return Err(Fault::Differs("the phase of the lot"));
        }
        state.case_mut().verdict = Some(Verdict { scores: scores.to_vec(), report: *report });
        self.turn(batch, lot, LotPhase::Provisional)
    }

    pub fn gold_opened(
        &mut self,
        batch: BatchId,
        lot: LotId,
        (equal, against): (u64, u64),
        decided: &[Decided],
        void: u64,
    ) -> Result<(), Fault> {
        let case = self.provisional_lot(batch, lot)?.case_mut();
        let items =
            case.open_gold(equal, against, decided, void).ok_or(Fault::Differs("the gold that is open already"))?;
        let progress = &mut self.open_batch(batch)?.progress;
        progress.gold_opened = progress.gold_opened.saturating_add(items.count_ones());
        progress.gold_void = progress.gold_void.saturating_add(void.count_ones());
        Ok(())
    }

    pub fn challenged(
        &mut self,
        batch: BatchId,
        lot: LotId,
        account: AccountNo,
        items: u64,
        bond: u128,
    ) -> Result<(), Fault> {
        let open = self.terms_of(batch)?;
        let count = open.lot_items(lot);
        let (due, bytes) = (challenge_bond(&open.terms, &open.fixed, count, items), storage::case_bytes(&open.terms));
        let state = self.provisional_lot(batch, lot)?;
        state.case_mut().challenges.push(Challenge { account, items, bond: Amount(bond) });
        if due != bond {
            return Err(Fault::Differs("the bond of a challenge"));
        }
        self.charge(account, bytes)?;
        self.balance(account, NEAR, Side::Debit(bond), MovementKind::Bond, Cause { batch: Some(batch), lot: Some(lot) })
    }

    pub fn jury_opened(&mut self, batch: BatchId, lot: LotId) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        self.provisional_lot(batch, lot)?.begin_round(JURY, now_s);
        Ok(())
    }

    /// A seed of a lot's later round; a jury's says which items it answers.
    pub fn lot_drawn(&mut self, batch: BatchId, lot: LotId, draw: Draw) -> Result<(), Fault> {
        let open = self.terms_of(batch)?;
        let (terms, items) = (open.terms.clone(), open.lot_items(lot));
        let state = self.lot(batch, lot)?;
        if let (JURY, Draw::Seeded(seed)) = (state.round, &draw) {
            let case = state.case_mut();
            case.jury_items = jury_items(&terms, items, case.challenged(), seed);
        }
        state.draw = draw;
        Ok(())
    }

    pub fn ruled(
        &mut self,
        batch: BatchId,
        lot: LotId,
        told: (u64, &[Credited], &[Credited], u128),
    ) -> Result<(), Fault> {
        let open = self.terms_of(batch)?;
        let (fixed, held) = (open.fixed.clone(), open.held(self.mirror.root.insurance.0));
        let (overturned, settlement) =
            self.judged(batch, lot, |judgement| (judgement.overturned(), judgement.settle_with(&fixed, &held)))?;
        let state = self.lot(batch, lot)?;
        let (jurors, challengers) = settlement.credits(state);
        if told != (overturned, &jurors[..], &challengers[..], settlement.forfeit) {
            return Err(Fault::Differs("what a jury came to"));
        }
        Ok(())
    }

    /// What a settlement credits beside pay, and what it takes from the adjudicator.
    pub fn settle_case(
        &mut self,
        batch: BatchId,
        lot: LotId,
        state: &LotState,
        settlement: &Settlement,
    ) -> Result<(), Fault> {
        let Some(case) = &state.case else { return self.forfeit(batch, settlement.forfeit) };
        self.forfeit(batch, settlement.forfeit)?;
        let bytes = storage::case_bytes(&self.terms_of(batch)?.terms);
        for challenge in &case.challenges {
            self.uncharge(challenge.account, bytes)?;
            self.insure(challenge.bond.0)?;
        }
        let cause = Cause { batch: Some(batch), lot: Some(lot) };
        let (jurors, challengers) = settlement.credits(state);
        for (credited, kind) in jurors
            .iter()
            .map(|juror| (juror, MovementKind::JurorFee))
            .chain(challengers.iter().map(|challenger| (challenger, MovementKind::Bond)))
        {
            subtract(&mut self.mirror.root.insurance, credited.amount.0, "the insurance pool")?;
            self.balance(credited.account, NEAR, Side::Credit(credited.amount.0), kind, cause)?;
        }
        let progress = &mut self.open_batch(batch)?.progress;
        progress.gold_void = progress.gold_void.saturating_add(settlement.gold_void);
        Ok(())
    }

    fn forfeit(&mut self, batch: BatchId, forfeit: u128) -> Result<(), Fault> {
        if forfeit > 0 {
            let bond = self.open_batch(batch)?.progress.adjudicator_bond.as_mut();
            let bond = bond.ok_or(Fault::Range("the adjudicator's bond"))?;
            subtract(bond, forfeit, "the adjudicator's bond")?;
            add(&mut self.mirror.root.insurance, forfeit, "the insurance pool")?;
        }
        Ok(())
    }

    fn provisional_lot(&mut self, batch: BatchId, lot: LotId) -> Result<&mut LotState, Fault> {
        let state = self.lot(batch, lot)?;
        if state.phase == LotPhase::Provisional { Ok(state) } else { Err(Fault::Differs("the phase of the lot")) }
    }
}
