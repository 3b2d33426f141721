//! Pay, slashes and counts for reputation of the slots that did a lot's work.

use super::{Held, Judgement, Settlement, SlotOutcome};
use crate::{
    model::{config::Fixed, view::Referrer},
    rules::{
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
    halves: [u32; SLOTS_MAX],
    missed: [u32; SLOTS_MAX],
    agreed: [u32; SLOTS_MAX],
    decided: u32,
}

/// What one item comes to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ItemPay {
    /// Slots that are paid, and how many half rewards: those of round 0, and those of the extension.
    paid: SlotSet,
    first_halves: u32,
    late_halves: u32,
    /// Slots that missed the result, revealed or not.
    pub missed: SlotSet,
}

impl ItemPay {
    /// Half rewards of one slot.
    const fn halves(&self, slot: usize, first: SlotSet) -> u32 {
        if self.paid & (1 << slot) == 0 {
            0
        } else if first & (1 << slot) != 0 {
            self.first_halves
        } else {
            self.late_halves
        }
    }

    /// Half rewards of all slots.
    pub const fn all_halves(&self, first: SlotSet) -> u32 {
        (self.paid & first).count_ones() * self.first_halves + (self.paid & !first).count_ones() * self.late_halves
    }
}

impl Judgement<'_> {
    /// What the lot's settlement does; `held` stands behind its adjudicator's scores, and the referrer is the batch's.
    #[must_use]
    pub fn settle(&self, fixed: &Fixed, held: &Held, referrer: Option<&Referrer>) -> Settlement {
        let mut settlement = match self.terms.adjudicator() {
            Some(_) => self.settle_scored(fixed, held),
            None => self.settle_counted(fixed),
        };
        let earned = money::fee(settlement.pay(), fixed.fee_bps);
        settlement.referral = referrer.map_or(0, |referrer| referrer.part_of(earned));
        settlement.net_fee = earned.saturating_sub(settlement.referral);
        let escrow = money::escrow(&self.terms, fixed.fee_bps, u32::from(self.items));
        // What the case adds to the escrow, and what goes to neither the treasury nor the requester.
        let held = escrow.saturating_add(self.deposits()).saturating_add(settlement.forfeit);
        settlement.fee = settlement.fee.saturating_add(earned);
        settlement.refund = held.saturating_sub(settlement.spent()).saturating_sub(settlement.fee);
        settlement
    }

    /// Pay and slashes of a lot whose answers are counted, and what a jury costs.
    fn settle_counted(&self, fixed: &Fixed) -> Settlement {
        let slots = self.counted(fixed);
        let mut settlement = Settlement { slots, ..Settlement::default() };
        if let Some(ruling) = &self.ruling {
            self.appeal(fixed, ruling, &mut settlement);
        }
        settlement
    }

    /// The outcomes of a lot whose answers are counted.
    fn counted(&self, fixed: &Fixed) -> Vec<SlotOutcome> {
        let counts = self.count();
        (0..self.slots)
            .map(|slot| {
                let revealed = self.revealed[slot].is_some();
                let bond = self.work_bond(fixed, slot);
                SlotOutcome {
                    revealed,
                    bond,
                    pay: self.pay(counts.halves[slot]),
                    slash: if revealed { self.miss_slash(fixed, slot, counts.missed[slot]) } else { bond },
                    agreed: counts.agreed[slot],
                    decided: if revealed && slot < self.first_slots { counts.decided } else { 0 },
                    ..SlotOutcome::default()
                }
            })
            .collect()
    }

    /// The bond of a slot that did work, yoctoNEAR.
    pub(super) fn work_bond(&self, fixed: &Fixed, slot: usize) -> u128 {
        money::bond(&self.terms, fixed, u8::try_from(self.judged(slot)).unwrap_or(u8::MAX))
    }

    /// What a revealed slot loses for missing so many results, yoctoNEAR.
    pub(super) fn miss_slash(&self, fixed: &Fixed, slot: usize, missed: u32) -> u128 {
        let bond = self.work_bond(fixed, slot);
        money::dissent_slash(bond, self.terms.dissent_slash_pct, missed, self.judged(slot))
    }

    /// Items that a slot judged.
    fn judged(&self, slot: usize) -> u32 {
        if slot < self.first_slots { u32::from(self.items) } else { self.open_items.count_ones() }
    }

    /// Pay of so many half rewards, in units of the token. The reward is even, so half of it is whole.
    pub(super) fn pay(&self, halves: u32) -> u128 {
        u128::from(halves).saturating_mul(self.terms.reward.0 / 2)
    }

    /// The slots of round 0.
    pub(super) const fn first(&self) -> SlotSet {
        // The slots are eight at most, so the lowest byte is the whole set.
        ((1_u16 << self.first_slots) - 1).to_le_bytes()[0]
    }

    /// Counts half rewards, misses and agreement.
    fn count(&self) -> Counts {
        let mut counts = Counts::default();
        let reputable = self.first_slots >= REPUTATION_SLOTS;
        let (first, overturned) = (self.first(), self.overturned());
        // Items that round 0 decided and nobody disputes are counted by their winners, of which there are few.
        let mut plain = [0_u32; 1 << FIRST_SLOTS_MAX];
        for item in 0..self.items {
            let (bit, winner) = (1_u64 << item, self.winners[usize::from(item)]);
            if winner != 0
                && (self.open_items | overturned) & bit == 0
                && let Some(items) = plain.get_mut(usize::from(winner))
            {
                *items += 1;
                continue;
            }
            let pay = self.item_pay(item, winner, overturned & bit != 0);
            let decided = reputable && (winner != 0 || overturned & bit != 0);
            counts.decided += u32::from(decided);
            for slot in 0..self.slots {
                counts.halves[slot] += pay.halves(slot, first);
                counts.missed[slot] += u32::from(pay.missed & (1 << slot) != 0);
                counts.agreed[slot] += u32::from(decided && first & winner & (1 << slot) != 0);
            }
        }
        for (winner, items) in plain.into_iter().enumerate().filter(|(_, items)| *items > 0) {
            let decided = if reputable { items } else { 0 };
            counts.decided += decided;
            for slot in 0..self.first_slots {
                if winner & (1 << slot) != 0 {
                    counts.halves[slot] += 2 * items;
                    counts.agreed[slot] += decided;
                } else {
                    counts.missed[slot] += items;
                }
            }
        }
        counts
    }

    /// What an item with these winners comes to; `by_jury` if a jury gave it its result.
    pub(super) fn item_pay(&self, item: u8, winner: SlotSet, by_jury: bool) -> ItemPay {
        let first = self.first();
        let extended = self.open_items & (1 << item) != 0;
        if winner == 0 && !by_jury {
            let largest = tally::largest(&self.item_answers(item));
            let (first_halves, late_halves) = if largest.single { (2, 1) } else { (1, 0) };
            return ItemPay { paid: largest.slots, first_halves, late_halves, missed: 0 };
        }
        let late_halves = if by_jury || !extended { 1 } else { self.late_halves(item, winner) };
        let judges = if extended { SlotSet::MAX } else { first };
        ItemPay { paid: winner, first_halves: 2, late_halves, missed: judges & !winner }
    }

    /// Half rewards of an extension's slot that gave the result: three for overturning the single largest group of round 0,
    /// one for confirming what everybody could see.
    fn late_halves(&self, item: u8, winner: SlotSet) -> u32 {
        let seen = tally::largest(&self.round(0).answers(item));
        if seen.single && seen.slots & winner == 0 { 3 } else { 1 }
    }

    /// The winners of the lot before a jury changed any.
    pub(super) fn winners_before(&self) -> Groups {
        let mut before = Self { ruling: None, ..self.clone() };
        before.count_winners();
        before.winners
    }
}

impl Settlement {
    /// What all slots are paid for their work.
    pub(super) fn pay(&self) -> u128 {
        self.slots.iter().fold(0, |sum, slot| sum.saturating_add(slot.pay))
    }
}
