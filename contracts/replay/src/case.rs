//! Entries of a lot's case: challenges, juries, adjudicators.

use super::{
    Fault, MovementKind,
    step::{Cause, Side, Step, add, subtract},
};
use piecework_interface::{
    amount::Amount,
    case::{ChallengerPay, JurorPay, Verdict},
    dispute::{SCORE_FULL, adjudicator_bond, challenge_deposit},
    draw::Draw,
    due::LotStep,
    ids::{AccountNo, BatchId, Digest, LotId, NEAR},
    settlement::{Next, Settlement},
    storage,
    terms::JURY,
    view::{LotPhase, LotState, OpenBatch},
};

impl Step<'_> {
    pub fn adjudicator_accepted(&mut self, batch: BatchId, amount: u128) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        let named = self.terms_of(batch)?.terms.adjudicator().ok_or(Fault::Differs("the adjudicator"))?;
        let operator = self.operator_of(named)?;
        let open = self.open_batch(batch)?;
        let (adjudicator, token) = (open.terms.adjudicator().ok_or(Fault::Differs("the adjudicator"))?, open.token);
        let progress = &mut open.progress;
        add(&mut progress.bond, amount, "the adjudicator's bond")?;
        progress.accepted = true;
        if progress.window.draws[0] == Draw::Closed && progress.window.frontier == 0 {
            progress.window.draws[0] = Draw::Opened(now_s);
        }
        progress.adjudicator_operator.get_or_insert(operator);
        if progress.bond.0 != adjudicator_bond(&open.terms) {
            return Err(Fault::Differs("the adjudicator's bond"));
        }
        add(&mut open.escrow, amount, "the batch's escrow")?;
        self.balance(
            adjudicator,
            token,
            Side::Debit(amount),
            MovementKind::Bond,
            Cause { batch: Some(batch), lot: None },
        )
    }

    pub fn adjudicator_resigned(&mut self, batch: BatchId) -> Result<(), Fault> {
        let progress = &mut self.open_batch(batch)?.progress;
        if std::mem::replace(&mut progress.accepted, false) { Ok(()) } else { Err(Fault::Differs("the adjudicator")) }
    }

    pub fn judging(&mut self, batch: BatchId, lot: LotId) -> Result<(), Fault> {
        self.must_follow(batch, lot, Next::Judge)?;
        self.turn(batch, lot, LotPhase::Judging)
    }

    pub fn verdict_given(&mut self, batch: BatchId, lot: LotId, scores: &[u16], report: &Digest) -> Result<(), Fault> {
        let (now_s, open) = (self.context.now_s, self.terms_of(batch)?);
        let (terms, bond) = (open.terms.clone(), open.progress.bond.0);
        let state = self.lot(batch, lot)?;
        if !state.awaits_verdict(&terms, bond, now_s) || state.slots.len() != scores.len() {
            return Err(Fault::Differs("the phase of the lot"));
        }
        if scores.iter().any(|score| *score > SCORE_FULL) {
            return Err(Fault::Range("a score"));
        }
        state.case_mut().verdict = Some(Verdict { scores: scores.to_vec(), report: *report });
        self.turn(batch, lot, LotPhase::Provisional)
    }

    pub fn challenged(
        &mut self,
        (batch, lot): (BatchId, LotId),
        (account, items): (AccountNo, u64),
        deposit: u128,
        replaced: Option<AccountNo>,
    ) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        let OpenBatch { terms, items: _, token, .. } = self.terms_of(batch)?.clone();
        let count = self.terms_of(batch)?.lot_items(lot);
        let operator = self.operator_of(account)?;
        let state = self.lot(batch, lot)?;
        let terms = state.terms(&terms);
        if !state.challengeable(&terms, now_s) {
            return Err(Fault::Differs("the phase of the lot"));
        }
        let gone = state.case_mut().challenge(&terms, count, (account, operator, items), now_s);
        let gone = gone.map_err(|refusal| Fault::Differs(refusal.text()))?;
        if gone.as_ref().map(|challenge| challenge.account) != replaced {
            return Err(Fault::Differs("the challenge that another replaces"));
        }
        if challenge_deposit(&terms, count, items) != deposit {
            return Err(Fault::Differs("the deposit of a challenge"));
        }
        let cause = Cause { batch: Some(batch), lot: Some(lot) };
        if let Some(gone) = gone {
            let back = challenge_deposit(&terms, count, gone.items);
            self.uncharge(gone.account, storage::challenge_bytes(&terms, gone.items))?;
            subtract(&mut self.open_batch(batch)?.escrow, back, "the batch's escrow")?;
            self.balance(gone.account, token, Side::Credit(back), MovementKind::Bond, cause)?;
        }
        self.charge(account, storage::challenge_bytes(&terms, items))?;
        add(&mut self.open_batch(batch)?.escrow, deposit, "the batch's escrow")?;
        self.balance(account, token, Side::Debit(deposit), MovementKind::Bond, cause)
    }

    pub fn jury_opened(&mut self, batch: BatchId, lot: LotId) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        self.must_be_due(batch, lot, LotStep::OpenJury)?;
        self.lot(batch, lot)?.begin_round(JURY, now_s);
        Ok(())
    }

    /// What an appeal came to stands before the settlement that pays it.
    pub fn ruled(
        &mut self,
        batch: BatchId,
        lot: LotId,
        told: (u64, &[JurorPay], &[ChallengerPay], u128),
    ) -> Result<(), Fault> {
        let open = self.terms_of(batch)?;
        let state = self.mirror.lots.get(&(batch, lot)).ok_or(Fault::NoLot(batch, lot))?;
        let (fixed, held, referrer) = (open.fixed.clone(), open.held(state), open.referrer);
        let (overturned, settlement) = self.judged(batch, lot, |judgement| {
            (judgement.overturned(), judgement.settle(&fixed, &held, referrer.as_ref()))
        })?;
        let (jurors, challengers) = settlement.case_pay(self.lot(batch, lot)?);
        if told != (overturned, &jurors[..], &challengers[..], settlement.pot) {
            return Err(Fault::Differs("what an appeal came to"));
        }
        Ok(())
    }

    /// What a settlement gives beside pay: deposits, jurors' fees, the pot, and what slashes bring to challengers.
    pub fn settle_case(
        &mut self,
        batch: BatchId,
        lot: LotId,
        state: &LotState,
        settlement: &Settlement,
    ) -> Result<(), Fault> {
        self.burn(settlement.burnt())?;
        let open = self.open_batch(batch)?;
        subtract(&mut open.progress.bond, settlement.forfeit, "the adjudicator's bond")?;
        let (token, terms) = (open.token, open.terms.clone());
        let Some(case) = &state.case else { return Ok(()) };
        for challenge in &case.challenges {
            self.uncharge(challenge.account, storage::challenge_bytes(&terms, challenge.items))?;
        }
        let cause = Cause { batch: Some(batch), lot: Some(lot) };
        let (jurors, challengers) = settlement.case_pay(state);
        let mut credit =
            |account, token, amount: Amount, kind| self.balance(account, token, Side::Credit(amount.0), kind, cause);
        for JurorPay { node, fee, near } in jurors {
            credit(node, token, fee, MovementKind::JurorFee)?;
            credit(node, NEAR, near, MovementKind::JurorFee)?;
        }
        for ChallengerPay { account, tokens, near } in challengers {
            credit(account, token, tokens, MovementKind::Bond)?;
            credit(account, NEAR, near, MovementKind::Award)?;
        }
        for (slot, outcome) in state.slots.iter().zip(&settlement.slots).filter(|(_, outcome)| outcome.shares_pot()) {
            debug_assert!(!outcome.judges);
            credit(slot.node, token, Amount(settlement.pot), MovementKind::Pot)?;
        }
        Ok(())
    }
}
