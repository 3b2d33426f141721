//! What a lot pays and costs, slot by slot: a pure function of its terms and its slots' answers.
//!
//! Per item and slot, in half-units of the reward:
//!
//! | the item | slot of round 0 | slot of the extension |
//! | --- | --- | --- |
//! | won in round 0 | 2 for the winner | did not judge it |
//! | won in the extension, confirming round 0's strictly largest group | 2 for the winner | 1 for the winner |
//! | won in the extension, overturning that group | 2 for the winner | 3 for the winner |
//! | won in the extension, round 0 had no such group | 2 for the winner | 2 for the winner |
//! | unresolved | 1 in the strictly largest group of two or more nodes over both rounds | the same |
//!
//! A revealed slot that misses an item with a winner is slashed for it; a slot that did not reveal loses its bond.

use crate::{
    config::Fixed,
    lots::all_items,
    money,
    tally::{self, Groups, RoundAnswers, SLOTS_MAX, SlotSet},
    terms::{LOT_SIZE_MAX, Terms},
    view::{LotState, SlotPhase},
};

/// Slots of round 0 that must have committed for a lot to count for reputation.
const REPUTATION_SLOTS: usize = 3;
/// Slots of a first round at most.
const FIRST_SLOTS_MAX: usize = 5;

/// The outcome of a lot's items, recomputed from its slots whenever it is needed, so that nothing of it is stored.
#[derive(Clone, Debug)]
pub struct Judgement<'a> {
    terms: &'a Terms,
    items: u8,
    open_items: u64,
    /// What each slot revealed, in the lot's order: round 0 first.
    revealed: [Option<&'a [u8]>; SLOTS_MAX],
    /// Slots, and how many of them are of round 0.
    slots: usize,
    first_slots: usize,
    /// Slots with the accepted answer, per item; empty where the item is unresolved.
    winners: Groups,
}

/// What settlement does to one slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotOutcome {
    /// Whether it revealed.
    pub revealed: bool,
    /// The bond that it frees, yoctoNEAR.
    pub bond: u128,
    /// Reward to credit, in units of the batch's token.
    pub pay: u128,
    /// Part of the bond that is lost, yoctoNEAR.
    pub slash: u128,
    /// Items with a winner that the slot of round 0 answered like the result.
    pub agreed: u32,
    /// Items with a winner; 0 unless the slot is of round 0 and at least three of them committed. Slots of an extension
    /// could see the answers, so they earn no reputation.
    pub decided: u32,
}

/// What settlement does to a lot: `fee + refund + Σ pay` is the lot's part of the escrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Per slot, in the lot's order.
    pub slots: Vec<SlotOutcome>,
    /// Fee on what is paid.
    pub fee: u128,
    /// Returned to the requester.
    pub refund: u128,
}

/// Tallies a lot of `items` items, whose current round has ended: its slots are committed or revealed.
#[must_use]
pub fn judge<'a>(terms: &'a Terms, items: u8, state: &'a LotState) -> Judgement<'a> {
    let slots = &state.slots[..state.slots.len().min(SLOTS_MAX)];
    let mut revealed: [Option<&[u8]>; SLOTS_MAX] = [None; SLOTS_MAX];
    for (answers, slot) in revealed.iter_mut().zip(slots) {
        if let SlotPhase::Revealed(bytes) = &slot.phase {
            *answers = Some(bytes);
        }
    }
    let mut judgement = Judgement {
        terms,
        items: items.min(LOT_SIZE_MAX),
        open_items: state.open_items,
        revealed,
        slots: slots.len(),
        first_slots: slots.iter().take_while(|slot| slot.round == 0).count(),
        winners: [0; 64],
    };
    let min_nodes = tally::min_nodes(terms.start);
    let mut winners = tally::tally(&judgement.round(0), terms.quorum_pct, min_nodes);
    if state.open_items != 0 {
        let decided = tally::tally(&judgement.round(1), terms.quorum_pct, min_nodes);
        for item in items_of(state.open_items) {
            let index = usize::from(item);
            winners[index] = judgement.with_late_winners(item, decided[index]);
        }
    }
    judgement.winners = winners;
    judgement
}

/// The bond of a slot of the lot's round, yoctoNEAR.
#[must_use]
pub fn slot_bond(terms: &Terms, fixed: &Fixed, items: u8, state: &LotState, round: u8) -> u128 {
    let judged = state.judged_items(round, items).count_ones();
    money::bond(terms, fixed, u8::try_from(judged).unwrap_or(u8::MAX))
}

impl LotState {
    /// The items that a round of a lot of `items` items judges.
    #[must_use]
    pub const fn judged_items(&self, round: u8, items: u8) -> u64 {
        if round == 0 { all_items(items) } else { self.open_items }
    }
}

impl Judgement<'_> {
    /// Items with a winner, bit i for item i.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        (0_u8..).zip(self.winners).fold(0, |bits, (item, winner)| bits | u64::from(winner != 0) << (item % 64))
    }

    /// Items without a winner: those of an extension, if there may be one.
    #[must_use]
    pub fn unresolved(&self) -> u64 {
        all_items(self.items) & !self.accepted()
    }

    /// The lot's answers: `items × answer_width` bytes, zeros where an item is unresolved. The results' digest is the
    /// SHA-256 of these.
    #[must_use]
    pub fn answers(&self) -> Vec<u8> {
        let width = usize::from(self.terms.answer_width);
        let length = usize::from(self.items) * width;
        // Most winners answered as the first slot did, so its answers are taken as they are and the others put in.
        let whole = self.revealed[0].filter(|bytes| bytes.len() == length);
        let mut answers = whole.map_or_else(|| vec![0; length], <[u8]>::to_vec);
        for ((item, winner), bytes) in (0_u8..).zip(self.winners).zip(answers.chunks_exact_mut(width.max(1))) {
            if whole.is_some() && winner & 1 != 0 {
                continue;
            }
            match self.item_answer(winner.trailing_zeros() as usize, item) {
                Some(answer) => bytes.copy_from_slice(answer),
                None => bytes.fill(0),
            }
        }
        answers
    }

    /// Items whose accepted answer is the slot's.
    #[must_use]
    pub fn agreed(&self, slot: usize) -> u64 {
        let bit = u32::try_from(slot).ok().and_then(|slot| 1_u8.checked_shl(slot)).unwrap_or_default();
        (0_u8..).zip(self.winners).fold(0, |bits, (item, winner)| bits | u64::from(winner & bit != 0) << (item % 64))
    }

    /// Pay, slashes and counts for reputation of every slot.
    #[must_use]
    pub fn settle(&self, fixed: &Fixed) -> Settlement {
        let mut half_units = [0_u32; SLOTS_MAX];
        let mut missed = [0_u32; SLOTS_MAX];
        let mut agreed = [0_u32; SLOTS_MAX];
        let mut decided = 0_u32;
        let counts = self.first_slots >= REPUTATION_SLOTS;
        let first = (1_u16 << self.first_slots) - 1;

        let mut count = |winner: SlotSet, paid: SlotSet, judges: u16, late_units: u32, items: u32| {
            decided += if counts && winner != 0 { items } else { 0 };
            for slot in 0..self.slots {
                let of_first = first & (1 << slot) != 0;
                if paid & (1 << slot) != 0 {
                    half_units[slot] += items
                        * match (winner, of_first) {
                            (0, _) => 1,
                            (_, true) => 2,
                            (_, false) => late_units,
                        };
                    agreed[slot] += if counts && winner != 0 && of_first { items } else { 0 };
                } else if winner != 0 && judges & (1 << slot) != 0 {
                    missed[slot] += items;
                }
            }
        };
        // Items that round 0 decided are counted by their winners, of which there are few.
        let mut plain = [0_u32; 1 << FIRST_SLOTS_MAX];
        for (item, winner) in (0..self.items).zip(self.winners) {
            if self.open_items & (1 << item) != 0 {
                let paid = if winner == 0 { self.largest_over_all(item) } else { winner };
                count(winner, paid, u16::MAX, self.extension_units(item, winner), 1);
            } else if winner == 0 {
                count(0, self.largest_over_all(item), first, 0, 1);
            } else if let Some(items) = plain.get_mut(usize::from(winner)) {
                *items += 1;
            } else {
                count(winner, winner, first, 0, 1);
            }
        }
        for (winner, items) in (0_u8..).zip(plain).take(usize::from(first) + 1).filter(|(_, items)| *items > 0) {
            count(winner, winner, first, 0, items);
        }

        let judged = [u32::from(self.items), self.open_items.count_ones()];
        let bonds = judged.map(|items| money::bond(self.terms, fixed, u8::try_from(items).unwrap_or(u8::MAX)));
        let slots: Vec<_> = (0..self.slots)
            .map(|slot| {
                let round = usize::from(slot >= self.first_slots);
                let (bond, judged) = (bonds[round], judged[round]);
                SlotOutcome {
                    revealed: self.revealed[slot].is_some(),
                    bond,
                    // At most three half-units for each of 64 items, and a reward below 2^80.
                    pay: u128::from(half_units[slot]).saturating_mul(self.terms.reward.0) / 2,
                    slash: match self.revealed[slot] {
                        Some(_) => money::dissent_slash(bond, self.terms.dissent_slash_pct, missed[slot], judged),
                        None => bond,
                    },
                    agreed: agreed[slot],
                    decided: if round == 0 { decided } else { 0 },
                }
            })
            .collect();
        let paid = slots.iter().fold(0, |sum: u128, slot| sum.saturating_add(slot.pay));
        let fee = money::fee(paid, fixed.fee_bps);
        let escrow = money::escrow(self.terms, fixed.fee_bps, u32::from(self.items));
        Settlement { slots, fee, refund: escrow.saturating_sub(paid).saturating_sub(fee) }
    }

    /// The answers of one round: slots of round 0, or of the extension.
    fn round(&self, round: u8) -> RoundAnswers<'_> {
        let (items, slots) = if round == 0 {
            (all_items(self.items), 0..self.first_slots)
        } else {
            (self.open_items, self.first_slots..self.slots)
        };
        RoundAnswers { items, width: usize::from(self.terms.answer_width), slots: &self.revealed[slots] }
    }

    /// The answer of one of the lot's slots to an item.
    fn item_answer(&self, slot: usize, item: u8) -> Option<&[u8]> {
        match slot.checked_sub(self.first_slots) {
            None => self.round(0).answer(slot, item),
            Some(slot) => self.round(1).answer(slot, item),
        }
    }

    /// One item's answers over both rounds, slot by slot.
    fn item_answers(&self, item: u8) -> [Option<&[u8]>; SLOTS_MAX] {
        core::array::from_fn(|slot| self.item_answer(slot, item))
    }

    /// Every slot that gave the answer of the extension's winners, which are counted from the extension's first slot.
    fn with_late_winners(&self, item: u8, winners: SlotSet) -> SlotSet {
        let answers = self.item_answers(item);
        let winner = answers.get(self.first_slots..).and_then(|late| late.get(winners.trailing_zeros() as usize));
        match winner {
            Some(Some(winner)) => tally::equal_to(&answers, winner),
            _ => 0,
        }
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

/// The indices of the items of a set.
fn items_of(set: u64) -> impl Iterator<Item = u8> {
    (0_u8..64).filter(move |item| set & (1 << item) != 0)
}
