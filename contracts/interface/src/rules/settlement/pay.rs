//! Pay, slashes and counts for reputation of a lot's slots.

use super::{Held, Judgement, Settlement, SlotOutcome, costs, ruling::Ruling};
use crate::{
    model::config::Fixed,
    rules::{
        dispute::{ADJUDICATOR_PARTS, SCORE_FULL, adjudicator_bond, juror_fee},
        money,
        tally::{self, Groups, SLOTS_MAX, SlotSet},
    },
};

/// Slots of round 0 that must have committed for a lot to count for reputation.
const REPUTATION_SLOTS: usize = 3;
/// Slots of a first round at most.
const FIRST_SLOTS_MAX: usize = 5;

/// What the items of a lot come to, slot by slot.
#[derive(Clone, Debug, Default)]
struct Counts {
    half_units: [u32; SLOTS_MAX],
    missed: [u32; SLOTS_MAX],
    gold_missed: [u32; SLOTS_MAX],
    agreed: [u32; SLOTS_MAX],
    decided: u32,
    /// Slots that missed an item which a jury overturned.
    owing: SlotSet,
}

impl Judgement<'_> {
    /// Pay, slashes and counts for reputation of every slot of a lot without a case.
    #[must_use]
    pub fn settle(&self, fixed: &Fixed) -> Settlement {
        self.settle_with(fixed, &Held::default())
    }

    /// The same of any lot, and what a jury costs.
    #[must_use]
    pub fn settle_with(&self, fixed: &Fixed, held: &Held) -> Settlement {
        let (mut slots, owing) = match self.terms.adjudicator() {
            Some(_) => (self.scored(fixed), 0),
            None => self.counted(fixed, held.gold_slashes),
        };
        let paid = total_pay(&slots);
        let earned_fee = money::fee(paid, fixed.fee_bps);
        let escrow = money::escrow(self.terms, fixed.fee_bps, u32::from(self.items));
        let mut settlement = Settlement { earned_fee, ..Settlement::default() };
        let mut kept = paid.saturating_add(earned_fee);
        if self.silent || self.ruling.is_some() {
            let before = self.pay_before();
            kept = kept.max(before.saturating_add(money::fee(before, fixed.fee_bps)));
            if self.terms.adjudicator().is_some() && self.verdict().is_none() {
                settlement.forfeit =
                    (adjudicator_bond(self.terms, fixed) / ADJUDICATOR_PARTS).min(held.adjudicator_bond);
            }
        }
        if let Some(ruling) = &self.ruling {
            let fee = juror_fee(self.terms, fixed, self.items, ruling.case.jury_items);
            let costs = costs::divide(ruling, fee, &mut slots, owing, settlement.forfeit, held.insurance);
            slots.extend(costs.jurors);
            settlement.challengers = costs.challengers;
            if ruling.decides() {
                settlement.gold_void = (ruling.case.against & !ruling.overturned_items()).count_ones();
            }
        }
        settlement.fee = kept.saturating_sub(paid);
        settlement.refund = escrow.saturating_sub(kept);
        settlement.slots = slots;
        settlement
    }

    /// What the slots would be paid without gold, jury or adjudicator.
    fn pay_before(&self) -> u128 {
        if self.terms.adjudicator().is_some() {
            let revealed = self.revealed.iter().flatten().count();
            return self.full_pay().saturating_mul(u128::try_from(revealed).unwrap_or_default());
        }
        let before = self.ruling.as_ref().map_or(&self.winners, |ruling| &ruling.before);
        let half_units = self.count(before, None).half_units;
        half_units.iter().fold(0, |sum, units| sum.saturating_add(self.pay(*units)))
    }

    /// Pay of so many half-units: at most three for each of 64 items, and a reward below 2^80.
    fn pay(&self, half_units: u32) -> u128 {
        u128::from(half_units).saturating_mul(self.terms.reward.0) / 2
    }

    fn full_pay(&self) -> u128 {
        self.pay(2 * u32::from(self.items))
    }

    /// The outcomes of an adjudicated lot: pay by score, in full without a verdict that holds.
    fn scored(&self, fixed: &Fixed) -> Vec<SlotOutcome> {
        let bond = money::bond(self.terms, fixed, self.items);
        let verdict = self.verdict();
        (0..self.slots)
            .map(|slot| {
                let revealed = self.revealed[slot].is_some();
                let score = verdict.map(|verdict| verdict.scores.get(slot).copied().unwrap_or(SCORE_FULL));
                let part = u128::from(score.unwrap_or(SCORE_FULL));
                SlotOutcome {
                    revealed,
                    bond,
                    pay: if revealed { money::mul_div(self.full_pay(), part, u128::from(SCORE_FULL)) } else { 0 },
                    slash: if revealed { 0 } else { bond },
                    agreed: score.unwrap_or_default().into(),
                    decided: if score.is_some() { u32::from(SCORE_FULL) } else { 0 },
                    fee: 0,
                }
            })
            .collect()
    }

    /// The outcomes of a lot whose answers are counted, and the slots that missed an item which a jury overturned.
    fn counted(&self, fixed: &Fixed, gold_slashes: bool) -> (Vec<SlotOutcome>, SlotSet) {
        let counts = self.count(&self.winners, self.ruling.as_deref());
        let judged = [u32::from(self.items), self.open_items.count_ones()];
        let bonds = judged.map(|items| money::bond(self.terms, fixed, u8::try_from(items).unwrap_or(u8::MAX)));
        let rate = self.terms.dissent_slash_pct;
        let gold_rate = if gold_slashes { self.terms.gold_slash_pct.max(rate) } else { rate };
        let slots = (0..self.slots)
            .map(|slot| {
                let round = usize::from(slot >= self.first_slots);
                let (bond, judged) = (bonds[round], judged[round]);
                let slash = |rate, missed| money::dissent_slash(bond, rate, missed, judged);
                SlotOutcome {
                    revealed: self.revealed[slot].is_some(),
                    bond,
                    pay: self.pay(counts.half_units[slot]),
                    slash: match (self.revealed[slot], counts.gold_missed[slot]) {
                        (None, _) => bond,
                        (Some(_), 0) => slash(rate, counts.missed[slot]),
                        (Some(_), gold) => {
                            slash(rate, counts.missed[slot]).saturating_add(slash(gold_rate, gold)).min(bond)
                        }
                    },
                    agreed: counts.agreed[slot],
                    decided: if round == 0 { counts.decided } else { 0 },
                    fee: 0,
                }
            })
            .collect();
        (slots, counts.owing)
    }

    /// Counts half-units, misses and agreement by these winners, and by what a ruling says of each item.
    fn count(&self, winners: &Groups, ruling: Option<&Ruling<'_>>) -> Counts {
        let mut counts = Counts::default();
        let reputable = self.first_slots >= REPUTATION_SLOTS;
        let first = (1_u16 << self.first_slots) - 1;
        let (gold, by_gold, by_jury) =
            ruling.map_or((0, 0, 0), |ruling| (ruling.case.gold, ruling.by_gold, ruling.overturned_items()));

        // Items that round 0 decided and nobody disputes are counted by their winners, of which there are few.
        let mut plain = [0_u32; 1 << FIRST_SLOTS_MAX];
        for item in 0..self.items {
            let bit = 1_u64 << item;
            let winner = winners[usize::from(item)];
            if winner != 0
                && self.open_items & bit == 0
                && ruling.is_none()
                && let Some(items) = plain.get_mut(usize::from(winner))
            {
                *items += 1;
                continue;
            }
            let decided = winner != 0 || by_jury & bit != 0;
            let extended = self.open_items & bit != 0;
            let judges = if extended { u16::MAX } else { first };
            let late_units = match (by_gold | by_jury) & bit {
                0 if extended => self.extension_units(item, winner),
                _ => 2,
            };
            let paid = if decided { winner } else { self.largest_over_all(item) };
            counts.decided += u32::from(reputable && decided);
            for slot in 0..self.slots {
                let of_first = first & (1 << slot) != 0;
                if paid & (1 << slot) != 0 {
                    counts.half_units[slot] += match (decided, of_first) {
                        (false, _) => 1,
                        (true, true) => 2,
                        (true, false) => late_units,
                    };
                    counts.agreed[slot] += u32::from(reputable && decided && of_first);
                } else if decided && judges & (1 << slot) != 0 && by_gold & !by_jury & bit == 0 {
                    if gold & !by_jury & bit == 0 {
                        counts.missed[slot] += 1;
                    } else {
                        counts.gold_missed[slot] += 1;
                    }
                    counts.owing |= SlotSet::from(by_jury & bit != 0 && self.revealed[slot].is_some()) << slot;
                }
            }
        }
        for (winner, items) in plain.into_iter().enumerate().filter(|(_, items)| *items > 0) {
            let reputable = if reputable { items } else { 0 };
            counts.decided += reputable;
            for slot in 0..self.first_slots {
                if winner & (1 << slot) != 0 {
                    counts.half_units[slot] += 2 * items;
                    counts.agreed[slot] += reputable;
                } else {
                    counts.missed[slot] += items;
                }
            }
        }
        counts
    }

    /// Half-units of an extension's slot that gave the winning answer: less for confirming what everybody could see.
    fn extension_units(&self, item: u8, winner: SlotSet) -> u32 {
        match tally::largest(&self.round(0).answers(item)) {
            0 => 2,
            visible if visible & winner != 0 => 1,
            _ => 3,
        }
    }

    /// The group that shares an unresolved item's half pay: the strictly largest over all rounds, of two nodes or more.
    fn largest_over_all(&self, item: u8) -> SlotSet {
        let group = tally::largest(&self.item_answers(item));
        if group.count_ones() >= 2 { group } else { 0 }
    }
}

/// What all slots are paid.
fn total_pay(slots: &[SlotOutcome]) -> u128 {
    slots.iter().fold(0, |sum, slot| sum.saturating_add(slot.pay))
}
