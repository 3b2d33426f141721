//! What a challenge is worth to a node that worked in the lot: the settlement's own rules, played out for the ends that a
//! jury may come to.
//!
//! With probability p a jury overturns a wrong result; every other end counts as upheld, the dearest of all: too few jurors
//! cost a tenth of the deposit, silent ones nothing. Of four and of five equal jurors the worse for the challenger counts.
//! The node's own pay, slash and part of the pot are counted with what the challenger gets. NEAR counts by its par, R for f.

use piecework_interface::{
    answers::{Answers, Items},
    case::{Case, Challenge},
    dispute::challenge_deposit,
    ids::AccountNo,
    money::{item_worth, mul_div},
    settlement::{Held, judge},
    terms::{JURORS, JURY},
    view::{LotState, OpenBatch, Slot, SlotPhase},
};

/// An account that is none: of challengers and jurors in the cases that are played out.
const NO_ACCOUNT: AccountNo = AccountNo(u32::MAX);

/// A provisional lot as a node sees it that answered otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Dispute<'a> {
    /// Batch.
    pub open: &'a OpenBatch,
    /// Items of the lot.
    pub items: u8,
    /// The lot.
    pub state: &'a LotState,
    /// The node's slot, which has revealed.
    pub slot: &'a Slot,
}

/// What the operator believes of juries and of NEAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odds {
    /// Probability that a jury overturns a result that is wrong, percent.
    pub confidence_pct: u8,
    /// What NEAR is worth, in percent of its par: at par f is worth R.
    pub near_pct: u8,
}

/// How a jury decides the challenged items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// This number of jurors gives the node's answers, the others stay silent.
    Overturned(u8),
    /// No four give another answer than the result.
    Upheld,
}

impl Dispute<'_> {
    /// Items whose result is not the node's answer, or that have none.
    #[must_use]
    pub fn items(&self) -> u64 {
        let results = self.results();
        let Some(own) = self.own() else { return 0 };
        let differs = |item: &u8| own.get(*item).is_some() && results.get(*item) != own.get(*item);
        Items(own.items.0).iter().filter(differs).fold(0, |items, item| items | 1 << item)
    }

    /// The node's answers.
    #[must_use]
    pub fn own(&self) -> Option<Answers> {
        self.state.answers_of(self.slot, &self.open.terms, self.items)
    }

    /// The answers that stand, of the items that have a result.
    #[must_use]
    pub fn results(&self) -> Answers {
        let judgement = judge(&self.open.terms, self.items, self.state);
        let (all, accepted) = (judgement.answers(), Items(judgement.accepted()));
        let bytes = accepted.iter().filter_map(|item| all.get(item)).flatten().copied().collect();
        Answers { items: accepted, width: all.width, bytes }
    }

    /// What a challenge of these items is expected to bring, in units of the token; the deposit is what it may cost.
    #[must_use]
    pub fn expected(&self, challenged: u64, odds: Odds) -> i128 {
        let worth = |end| self.worth(challenged, end, odds.near_pct);
        let overturned = worth(End::Overturned(JURORS)).min(worth(End::Overturned(JURORS - 1)));
        let likely = i128::from(odds.confidence_pct.min(100));
        let mean = overturned.saturating_mul(likely).saturating_add(worth(End::Upheld).saturating_mul(100 - likely));
        (mean / 100).saturating_sub(self.worth_now(challenged, odds.near_pct))
    }

    /// What the node and its operator have if the challenge is not made, the deposit included.
    fn worth_now(&self, challenged: u64, near_pct: u8) -> i128 {
        let mut state = self.state.clone();
        state.case = None;
        let deposit = challenge_deposit(&self.state.terms(&self.open.terms), self.items, challenged);
        self.count(&state, near_pct).saturating_add(i128::try_from(deposit).unwrap_or(i128::MAX))
    }

    /// What they have if a jury ends so, with no other challenge beside.
    fn worth(&self, challenged: u64, end: End, near_pct: u8) -> i128 {
        let mut state = self.state.clone();
        let challenge = Challenge { account: NO_ACCOUNT, operator: NO_ACCOUNT, items: challenged };
        state.case = Some(Box::new(Case { challenges: vec![challenge], ..Case::default() }));
        state.round = JURY;
        let (own, results) = (self.own().unwrap_or_default(), self.results());
        for juror in 0..JURORS {
            let answers = Items(challenged).iter().flat_map(|item| {
                let mut answer = own.get(item).unwrap_or_default().to_vec();
                if end == End::Upheld {
                    match results.get(item) {
                        Some(result) => answer = result.to_vec(),
                        // Jurors who all differ give no result.
                        None => answer.iter_mut().take(1).for_each(|byte| *byte ^= juror),
                    }
                }
                answer
            });
            let silent = matches!(end, End::Overturned(equal) if juror >= equal);
            let phase = if silent { SlotPhase::Committed([0; 32]) } else { SlotPhase::Revealed(answers.collect()) };
            state.slots.push(Slot { node: NO_ACCOUNT, operator: NO_ACCOUNT, round: JURY, phase });
        }
        self.count(&state, near_pct)
    }

    /// Pay, part of the pot and remaining bond of the node's slot, and what the challenger gets, in units of the token.
    fn count(&self, state: &LotState, near_pct: u8) -> i128 {
        let OpenBatch { terms, fixed, .. } = self.open;
        let terms = &state.terms(terms);
        let settlement = judge(terms, self.items, state).settle(fixed, &Held::default(), None);
        let (mut tokens, mut near) = (0_u128, 0_u128);
        let slots = state.slots.iter().zip(&settlement.slots).filter(|(slot, _)| slot.node == self.slot.node);
        for (_, outcome) in slots {
            let pot = if outcome.shares_pot() { settlement.pot } else { 0 };
            tokens = tokens.saturating_add(outcome.pay).saturating_add(pot);
            near = near.saturating_add(outcome.bond.saturating_sub(outcome.slash));
        }
        for returned in &settlement.challengers {
            tokens = tokens.saturating_add(returned.tokens);
            near = near.saturating_add(returned.near);
        }
        let at_par = mul_div(near, terms.reward.0, item_worth(terms, fixed));
        let tokens = tokens.saturating_add(mul_div(at_par, near_pct.into(), 100));
        i128::try_from(tokens).unwrap_or(i128::MAX)
    }
}

#[cfg(test)]
mod tests;
