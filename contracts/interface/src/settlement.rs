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
//! | decided by opened gold or overturned by a jury | 2 for the right answer | the same |
//!
//! A revealed slot that misses an item with a winner is slashed for it, but where only gold decided; a slot that did not
//! reveal loses its bond. Pay that gold, a jury or an adjudicator withholds goes to the fee pool, not to the requester.

mod costs;
mod ruling;

use crate::{
    Sha256,
    amount::Amount,
    case::{ADJUDICATOR_PARTS, Case, SCORE_FULL, Verdict, adjudicator_bond, juror_fee},
    config::Fixed,
    event::Credited,
    lots::all_items,
    merkle::Digest,
    money,
    tally::{self, Groups, RoundAnswers, SLOTS_MAX, SlotSet},
    terms::{JURY, LOT_SIZE_MAX, Terms},
    view::{LotPhase, LotState, Slot, SlotPhase},
};

pub use costs::Costs;
use ruling::Ruling;

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
    /// What the lot's case changed.
    ruling: Option<Box<Ruling<'a>>>,
    /// Whether the adjudicator's time ran out.
    silent: bool,
}

/// What the contract holds that a settlement depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The insurance pool, yoctoNEAR.
    pub insurance: u128,
    /// What is left of the adjudicator's bond, yoctoNEAR.
    pub adjudicator_bond: u128,
    /// Whether the batch's gold still slashes.
    pub gold_slashes: bool,
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
    /// could see the answers, so they earn no reputation. Of an adjudicator's score, full marks.
    pub decided: u32,
    /// Credited to a juror, yoctoNEAR.
    pub fee: u128,
}

/// What settlement does to a lot: `fee + refund + Σ pay` is the lot's part of the escrow; slashes, the challenges' bonds
/// and `forfeit` go to the insurance pool, out of which jurors' fees and `challengers` are credited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Per slot, in the lot's order, jurors last.
    pub slots: Vec<SlotOutcome>,
    /// Fee on what is paid, and pay that was withheld.
    pub fee: u128,
    /// The fee on what is paid alone: what reputation counts.
    pub earned_fee: u128,
    /// Returned to the requester.
    pub refund: u128,
    /// Credited to each challenger, yoctoNEAR.
    pub challengers: Vec<u128>,
    /// Taken from the adjudicator's bond, yoctoNEAR.
    pub forfeit: u128,
    /// Opened gold items that a jury found wrong.
    pub gold_void: u32,
}

impl Settlement {
    /// What it credits in NEAR: to jurors, and to challengers. `state` is the lot's record.
    #[must_use]
    pub fn credits(&self, state: &LotState) -> (Vec<Credited>, Vec<Credited>) {
        let credited = |account, amount| Credited { account, amount: Amount(amount) };
        let jurors = self.slots.iter().zip(&state.slots).filter(|(outcome, _)| outcome.fee > 0);
        let challenges = state.case.iter().flat_map(|case| &case.challenges);
        (
            jurors.map(|(outcome, slot)| credited(slot.node, outcome.fee)).collect(),
            challenges.zip(&self.challengers).map(|(challenge, amount)| credited(challenge.account, *amount)).collect(),
        )
    }
}

/// What an opened gold answer says of its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is the item's result.
    Equal,
    /// It is not.
    Against,
    /// The item has no result; this slot gave the answer.
    Decides(u8),
    /// The item has no result, and nobody gave the answer.
    Nobody,
}

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

/// Tallies a lot of `items` items, whose current round has ended: its slots are committed or revealed.
#[must_use]
pub fn judge<'a>(terms: &'a Terms, items: u8, state: &'a LotState) -> Judgement<'a> {
    let work = state.work_slots();
    let slots = &state.slots[..work.min(SLOTS_MAX)];
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
        ruling: None,
        silent: state.phase == LotPhase::Judging,
    };
    if terms.adjudicator().is_some() {
        judgement.ruling = state
            .case
            .as_deref()
            .map(|case| Box::new(Ruling::new(terms, case, &state.slots[work..], judgement.winners, |_| None)));
        return judgement;
    }
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
    if let Some(case) = state.case.as_deref() {
        judgement.apply(case, &state.slots[work..]);
    }
    judgement
}

/// The bond of a slot of the lot's round, yoctoNEAR.
#[must_use]
pub fn slot_bond(terms: &Terms, fixed: &Fixed, items: u8, state: &LotState, round: u8) -> u128 {
    if round == JURY {
        return juror_fee(terms, fixed, items, state.judged_items(round, items));
    }
    let judged = state.judged_items(round, items).count_ones();
    money::bond(terms, fixed, u8::try_from(judged).unwrap_or(u8::MAX))
}

impl LotState {
    /// The items that a round of a lot of `items` items judges.
    #[must_use]
    pub const fn judged_items(&self, round: u8, items: u8) -> u64 {
        match (round, &self.case) {
            (0, _) => all_items(items),
            (JURY, Some(case)) => case.jury_items,
            _ => self.open_items,
        }
    }
}

impl<'a> Judgement<'a> {
    /// Lets the lot's case change the result.
    fn apply(&mut self, case: &'a Case, jurors: &'a [Slot]) {
        let before = self.winners;
        for decided in &case.decided {
            let answers = self.item_answers(decided.item);
            if let (Some(winners), Some(Some(answer))) =
                (self.winners.get_mut(usize::from(decided.item)), answers.get(usize::from(decided.slot)))
            {
                *winners = tally::equal_to(&answers, answer);
            }
        }
        let result = |item: u8| self.item_answer(self.winners[usize::from(item)].trailing_zeros() as usize, item);
        let ruling = Ruling::new(self.terms, case, jurors, before, result);
        for &(item, answer) in &ruling.overturned {
            self.winners[usize::from(item)] = tally::equal_to(&self.item_answers(item), answer);
        }
        self.ruling = Some(Box::new(ruling));
    }

    /// Items with a result, bit i for item i.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        let overturned = self.ruling.as_ref().map_or(0, |ruling| ruling.overturned_items());
        overturned | self.items_where(|winner| winner != 0)
    }

    /// Items for whose winners something holds.
    fn items_where(&self, holds: impl Fn(SlotSet) -> bool) -> u64 {
        let mut items = 0;
        // Backwards, so that the last step leaves item 0 at bit 0.
        for winner in self.winners.iter().rev() {
            items = items << 1 | u64::from(holds(*winner));
        }
        items
    }

    /// Items without a winner: those of an extension, if there may be one.
    #[must_use]
    pub fn unresolved(&self) -> u64 {
        all_items(self.items) & !self.accepted()
    }

    /// The slots with an item's result by the lot's answers, and whether there is a result; for an opening of gold.
    #[must_use]
    pub fn compare(&self, item: u8, answer: &[u8]) -> Comparison {
        let group = tally::equal_to(&self.item_answers(item), answer);
        match (self.winners.get(usize::from(item)).copied().unwrap_or_default(), group) {
            (0, 0) => Comparison::Nobody,
            (0, group) => Comparison::Decides(u8::try_from(group.trailing_zeros()).unwrap_or_default()),
            (winner, group) if winner == group => Comparison::Equal,
            _ => Comparison::Against,
        }
    }

    /// The lot's answers: `items × answer_width` bytes, zeros where an item is unresolved. None in an adjudicated batch.
    #[must_use]
    pub fn answers(&self) -> Vec<u8> {
        if self.terms.adjudicator().is_some() {
            return Vec::new();
        }
        let width = usize::from(self.terms.answer_width);
        let length = usize::from(self.items) * width;
        // Most winners answered as the first slot did, so its answers are taken as they are and the others put in.
        let whole = self.revealed[0].filter(|bytes| bytes.len() == length);
        let mut answers = whole.map_or_else(|| vec![0; length], <[u8]>::to_vec);
        let others = if whole.is_some() { !self.items_where(|winner| winner & 1 != 0) } else { u64::MAX };
        for item in items_of(others & all_items(self.items)) {
            let Some(bytes) = answers.chunks_exact_mut(width.max(1)).nth(usize::from(item)) else { break };
            match self.item_answer(self.winners[usize::from(item)].trailing_zeros() as usize, item) {
                Some(answer) => bytes.copy_from_slice(answer),
                None => bytes.fill(0),
            }
        }
        for &(item, answer) in self.ruling.iter().flat_map(|ruling| &ruling.overturned) {
            if let Some(bytes) = answers.chunks_exact_mut(width.max(1)).nth(usize::from(item)) {
                bytes.copy_from_slice(answer);
            }
        }
        answers
    }

    /// What the results' leaf stands for: the SHA-256 of the answers, or the adjudicator's report if its verdict holds.
    #[must_use]
    pub fn digest(&self, sha256: Sha256) -> Digest {
        match self.verdict() {
            Some(verdict) => verdict.report,
            None => sha256(&self.answers()),
        }
    }

    /// Items whose accepted answer is the slot's.
    #[must_use]
    pub fn agreed(&self, slot: usize) -> u64 {
        let bit = u32::try_from(slot).ok().and_then(|slot| 1_u8.checked_shl(slot)).unwrap_or_default();
        self.items_where(|winner| winner & bit != 0)
    }

    /// Items whose result a jury changed, bit i for item i; bit 0 for an adjudicator's scores.
    #[must_use]
    pub fn overturned(&self) -> u64 {
        self.ruling.as_ref().map_or(0, |ruling| ruling.overturned_items())
    }

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

    /// The adjudicator's verdict, if there is one and it holds.
    fn verdict(&self) -> Option<&'a Verdict> {
        let ruling = self.ruling.as_ref()?;
        ruling.case.verdict.as_ref().filter(|_| ruling.overturned.is_empty())
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

    /// The answers of one round: slots of round 0, or of the extension.
    fn round(&self, round: u8) -> RoundAnswers<'_, 'a> {
        let (items, slots) = if round == 0 {
            (all_items(self.items), 0..self.first_slots)
        } else {
            (self.open_items, self.first_slots..self.slots)
        };
        RoundAnswers { items, width: usize::from(self.terms.answer_width), slots: &self.revealed[slots] }
    }

    /// The answer of one of the lot's slots to an item.
    fn item_answer(&self, slot: usize, item: u8) -> Option<&'a [u8]> {
        match slot.checked_sub(self.first_slots) {
            None => self.round(0).answer(slot, item),
            Some(slot) => self.round(1).answer(slot, item),
        }
    }

    /// One item's answers over both rounds, slot by slot.
    fn item_answers(&self, item: u8) -> [Option<&'a [u8]>; SLOTS_MAX] {
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

/// What all slots are paid.
fn total_pay(slots: &[SlotOutcome]) -> u128 {
    slots.iter().fold(0, |sum, slot| sum.saturating_add(slot.pay))
}

/// The indices of the items of a set.
fn items_of(mut set: u64) -> impl Iterator<Item = u8> {
    core::iter::from_fn(move || {
        let item = u8::try_from(set.trailing_zeros()).ok().filter(|_| set != 0);
        set &= set.wrapping_sub(1);
        item
    })
}
