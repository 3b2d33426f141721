//! Lots that somebody scores.
//!
//! A score pays its part of V, the whole pay of a copy, and slashes the rest, if it can be appealed. Without a verdict in time, or once the
//! adjudicator's bond no longer covers a lot, each revealed slot gets V and nothing is slashed. A jury that overturns the
//! scores is paid by the adjudicator's bond, whose rest is the challenger's.

use super::{Held, Judgement, Returned, Settlement, SlotOutcome};
use crate::{
    model::{case::Verdict, config::Fixed},
    rules::{
        dispute::{SCORE_FULL, adjudicator_part},
        money,
    },
};

impl Judgement<'_> {
    /// Pay and slashes of a lot that somebody scores, and what a jury costs.
    pub(super) fn settle_scored(&self, fixed: &Fixed, held: &Held) -> Settlement {
        let backed = held.bond >= held.part;
        let decided = self.ruling.as_ref().is_some_and(|ruling| ruling.decides());
        // A jury that sits decides, whatever is left of the bond.
        let verdict = self.verdict().filter(|_| backed || decided);
        let mut settlement = Settlement { slots: self.scored(fixed, verdict), ..Settlement::default() };
        let full = self.full_pay();
        let withheld = settlement.slots.iter().filter(|slot| slot.revealed).map(|slot| full - slot.pay);
        settlement.fee = withheld.sum();
        let part = adjudicator_part(&self.terms, self.items).min(held.bond);
        let unscored = self.case.is_none_or(|case| case.verdict.is_none());
        if unscored && backed && self.revealed.iter().any(Option::is_some) {
            (settlement.forfeit, settlement.fee) = (part, settlement.fee + part);
        }
        if let Some(ruling) = &self.ruling {
            self.appeal_scores(fixed, ruling.overturned_items() != 0, part, &mut settlement);
        } else if let Some(case) = self.case {
            let back = case.challenges.iter().map(|challenge| self.deposit(challenge.items));
            settlement.challengers = back.map(|tokens| Returned { tokens, near: 0 }).collect();
        }
        settlement
    }

    fn appeal_scores(&self, fixed: &Fixed, overturned: bool, part: u128, settlement: &mut Settlement) {
        let Some(ruling) = &self.ruling else { return };
        if !self.seat_jury(fixed, ruling, settlement) {
            return;
        }
        let fees: u128 = settlement.slots.iter().map(|slot| slot.fee).sum();
        let Some(back) = settlement.challengers.first_mut() else { return };
        if overturned {
            // The part pays the jurors first; what is left of it is the challenger's, what it lacks its deposit's.
            settlement.forfeit = part;
            back.tokens = (back.tokens + part).saturating_sub(fees);
        } else {
            let deposit = core::mem::take(&mut back.tokens);
            settlement.share(deposit.saturating_sub(fees));
        }
    }

    /// The outcomes of the slots: pay by score, in full without a verdict that holds.
    fn scored(&self, fixed: &Fixed, verdict: Option<&Verdict>) -> Vec<SlotOutcome> {
        let full = self.full_pay();
        (0..self.slots)
            .map(|slot| {
                let (revealed, bond) = (self.revealed[slot].is_some(), self.work_bond(fixed, slot));
                let score = verdict.map(|verdict| verdict.scores.get(slot).copied().unwrap_or(SCORE_FULL));
                let part = u32::from(score.unwrap_or(SCORE_FULL));
                let lost = u32::from(SCORE_FULL) - part;
                let lost = if self.appeal { lost } else { 0 };
                let slash = money::dissent_slash(bond, self.terms.dissent_slash_pct, lost, SCORE_FULL.into());
                SlotOutcome {
                    revealed,
                    bond,
                    pay: if revealed { money::mul_div(full, part.into(), SCORE_FULL.into()) } else { 0 },
                    slash: if revealed { slash } else { bond },
                    agreed: score.unwrap_or_default().into(),
                    decided: if revealed && score.is_some() { u32::from(SCORE_FULL) } else { 0 },
                    ..SlotOutcome::default()
                }
            })
            .collect()
    }

    /// V: the whole pay of a copy of the lot.
    fn full_pay(&self) -> u128 {
        self.pay(2 * u32::from(self.items))
    }
}
