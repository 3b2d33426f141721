//! What a jury comes to, and who pays it.
//!
//! Of each challenged item four equal answers that are not the result overturn it; all else upholds it. A juror earns R an
//! item, but who stands against four earns nothing there and loses f. Where a result stands, its challenger's deposit pays
//! that, and the rest is the pot of the slots that did the work. Where it falls, the item's unspent escrow pays first and
//! then the deposit; and what the new count slashes beyond the old one makes the challengers whole.

use super::{Judgement, Returned, Settlement, SlotOutcome, challenger_of};
use crate::{
    model::{
        answers::Items,
        case::Case,
        config::Fixed,
        terms::{JURORS, LOT_SIZE_MAX},
        view::Slot,
    },
    rules::{
        dispute::{JURORS_AGREEING, OVERTURN, challenge_deposit, juror_bond, juror_fee, juror_loss},
        money::{item_worth, mul_div},
        tally::{self, RoundAnswers, SLOTS_MAX, SlotSet},
    },
};

/// A challenge on which too few jurors sat costs this part of its deposit.
const UNDECIDED_PARTS: u128 = 10;

/// What a jury came to.
#[derive(Clone, Debug)]
pub(super) struct Ruling<'a> {
    /// Items whose result it changed, with the new one; item 0 for an adjudicator's scores.
    pub overturned: Vec<(u8, &'a [u8])>,
    /// Whether each juror revealed, in the lot's order; none if too few sat.
    jurors: Vec<bool>,
    /// Per question, the jurors who stand against four equal ones.
    against: [SlotSet; LOT_SIZE_MAX as usize],
}

impl<'a> Ruling<'a> {
    pub fn new(judgement: &Judgement<'a>, case: &Case, jury: &'a [Slot]) -> Self {
        let jury = &jury[..jury.len().min(usize::from(JURORS))];
        let mut answers: [Option<&[u8]>; SLOTS_MAX] = [None; SLOTS_MAX];
        for (answer, slot) in answers.iter_mut().zip(jury) {
            *answer = slot.revealed();
        }
        let adjudicated = judgement.terms.adjudicator().is_some();
        let width = if adjudicated { 1 } else { usize::from(judgement.terms.answer_width) };
        let round = RoundAnswers { items: case.challenged(), width, slots: &answers[..jury.len()] };
        let mut ruling = Self {
            overturned: Vec::new(),
            jurors: jury.iter().map(|slot| slot.revealed().is_some()).collect(),
            against: [0; LOT_SIZE_MAX as usize],
        };
        for item in Items(case.challenged()).iter() {
            let answers = round.answers(item);
            let four = tally::largest(&answers);
            if four.slots.count_ones() < JURORS_AGREEING || !four.single {
                continue;
            }
            let Some(answer) = answers[four.slots.trailing_zeros() as usize] else { continue };
            let revealed = (0..jury.len()).fold(0, |set, juror| set | SlotSet::from(ruling.jurors[juror]) << juror);
            ruling.against[usize::from(item)] = revealed & !four.slots;
            let stands = if adjudicated { answer != [OVERTURN] } else { judgement.result(item) == Some(answer) };
            if !stands {
                ruling.overturned.push((item, answer));
            }
        }
        ruling
    }

    /// Items whose result the jury changed.
    pub fn overturned_items(&self) -> u64 {
        self.overturned.iter().fold(0, |items, (item, _)| items | 1 << item)
    }

    /// Whether enough jurors sat: else the round ended as if it had not been.
    pub const fn sat(&self) -> bool {
        self.jurors.len() >= JURORS_AGREEING as usize
    }

    /// Whether enough jurors revealed to decide anything.
    pub fn decides(&self) -> bool {
        self.jurors.iter().filter(|revealed| **revealed).count() >= JURORS_AGREEING as usize
    }

    /// Jurors who earn the fee of a question.
    fn earners(&self, item: u8) -> u32 {
        let revealed = self.jurors.iter().filter(|revealed| **revealed).count();
        u32::try_from(revealed).unwrap_or_default() - self.against[usize::from(item)].count_ones()
    }

    /// What each juror gets and loses, where all of them answered these questions, each of which earns `fee` or costs `loss`.
    /// Silent jurors lose their bond; if too few revealed to decide, the others get f an item out of that.
    fn outcomes(&self, questions: u64, (fee, loss, bond): (u128, u128, u128)) -> Vec<SlotOutcome> {
        let decides = self.decides();
        let outcome = |(juror, revealed): (usize, &bool)| {
            let against = Items(questions).iter().filter(|item| self.against[usize::from(*item)] & (1 << juror) != 0);
            let (against, all) = (against.count() as u128, u128::from(questions.count_ones()));
            SlotOutcome {
                revealed: *revealed,
                judges: true,
                bond,
                slash: if *revealed { against.saturating_mul(loss) } else { bond },
                fee: if *revealed && decides { (all - against).saturating_mul(fee) } else { 0 },
                near: if *revealed && !decides { all.saturating_mul(loss) } else { 0 },
                ..SlotOutcome::default()
            }
        };
        self.jurors.iter().enumerate().map(outcome).collect()
    }
}

impl Judgement<'_> {
    /// The deposits of the lot's challenges together, in units of the token.
    pub(super) fn deposits(&self) -> u128 {
        let challenges = self.case.iter().flat_map(|case| &case.challenges);
        challenges.fold(0, |sum, challenge| sum.saturating_add(self.deposit(challenge.items)))
    }

    /// The deposit of a challenge of these items, in units of the token.
    pub(super) fn deposit(&self, items: u64) -> u128 {
        challenge_deposit(&self.terms, self.items, items)
    }

    /// Adds the jury's slots, and a pot of what challengers lose for good where no jury decided. Returns whether one did.
    pub(super) fn seat_jury(&self, fixed: &Fixed, ruling: &Ruling<'_>, settlement: &mut Settlement) -> bool {
        let Some(case) = self.case else { return false };
        let questions = case.challenged();
        let one = questions & questions.wrapping_neg();
        let (fee, loss) = (juror_fee(&self.terms, self.items, one), juror_loss(&self.terms, fixed, self.items, one));
        let bond = juror_bond(&self.terms, fixed, self.items, questions);
        settlement.slots.extend(ruling.outcomes(questions, (fee, loss, bond)));
        let back = case.challenges.iter().map(|challenge| self.deposit(challenge.items));
        settlement.challengers = back.map(|tokens| Returned { tokens, near: 0 }).collect();
        if ruling.sat() {
            return ruling.decides();
        }
        let mut pot = 0;
        for back in &mut settlement.challengers {
            let lost = back.tokens / UNDECIDED_PARTS;
            back.tokens -= lost;
            pot += lost;
        }
        settlement.share(pot);
        false
    }

    /// The money of an appeal against counted answers.
    pub(super) fn appeal(&self, fixed: &Fixed, ruling: &Ruling<'_>, settlement: &mut Settlement) {
        if !self.seat_jury(fixed, ruling, settlement) {
            return;
        }
        let Some(case) = self.case else { return };
        let (reward, worth, first) = (self.terms.reward.0, item_worth(&self.terms, fixed), self.first());
        let (before, overturned) = (self.winners_before(), ruling.overturned_items());
        let copies = u128::from(self.terms.copies()).saturating_mul(reward);
        let (mut pot, mut newly_missed, mut wanted) = (0, [0_u32; SLOTS_MAX], Vec::new());
        for item in Items(case.challenged()).iter() {
            let Some(owner) = challenger_of(case, item) else { continue };
            let fees = u128::from(ruling.earners(item)).saturating_mul(reward);
            let back = &mut settlement.challengers[owner].tokens;
            if overturned & (1 << item) == 0 {
                let deposit = self.deposit(1 << item);
                *back -= deposit;
                pot += deposit - fees;
                continue;
            }
            let old = self.item_pay(item, before[usize::from(item)], false);
            let new = self.item_pay(item, self.winners[usize::from(item)], true);
            let (old_pay, new_pay) = (self.pay(old.all_halves(first)), self.pay(new.all_halves(first)));
            let from_escrow = fees.min(copies.saturating_sub(new_pay));
            let lost = fees - from_escrow;
            *back -= lost;
            settlement.fee += old_pay.saturating_sub(new_pay.saturating_add(from_escrow));
            wanted.push((owner, worth.saturating_add(mul_div(worth, lost, reward))));
            for (slot, missed) in newly_missed.iter_mut().enumerate() {
                *missed += u32::from(new.missed & !old.missed & (1 << slot) != 0);
            }
        }
        settlement.share(pot);
        let revealed = (0..self.slots).filter(|slot| self.revealed[*slot].is_some());
        let added = revealed.fold(0_u128, |sum, slot| sum + self.miss_slash(fixed, slot, newly_missed[slot]));
        let sum: u128 = wanted.iter().map(|(_, want)| want).sum();
        for (owner, want) in wanted {
            settlement.challengers[owner].near += want.min(mul_div(added, want, sum));
        }
    }
}

impl Settlement {
    /// Divides what challengers lost among the revealed slots that did the work. What does not divide is the treasury's.
    pub(super) fn share(&mut self, pot: u128) {
        let slots = self.slots.iter().map(|slot| u128::from(slot.shares_pot())).sum();
        self.pot = pot.checked_div(slots).unwrap_or_default();
        self.fee += pot - self.pot.saturating_mul(slots);
    }
}
