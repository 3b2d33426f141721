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
//! | decided by opened gold or overturned by a jury | 2 for the right answer | the same |
//!
//! A revealed slot that misses an item with a winner is slashed for it, but where only gold decided; a slot that did not
//! reveal loses its bond. Pay that gold, a jury or an adjudicator withholds goes to the fee pool, not to the requester.

mod costs;
mod pay;
mod ruling;

use crate::{
    Sha256,
    model::{
        amount::Amount,
        answers::{Answers, Items},
        case::{Case, Verdict},
        config::Fixed,
        ids::Digest,
        terms::{JURY, LOT_SIZE_MAX, Terms},
        view::{Credited, LotPhase, LotState, OpenBatch, Progress, Slot},
    },
    rules::{
        dispute::juror_fee,
        gold,
        lots::all_items,
        money,
        tally::{self, Groups, RoundAnswers, SLOTS_MAX, SlotSet},
    },
};

pub use costs::Costs;
use ruling::Ruling;

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

impl OpenBatch {
    /// What a settlement of the batch depends on, with this much in the insurance pool.
    #[must_use]
    pub fn held(&self, insurance: u128) -> Held {
        let Progress { gold_opened, gold_void, adjudicator_bond, .. } = &self.progress;
        Held {
            insurance,
            adjudicator_bond: adjudicator_bond.map_or(0, |bond| bond.0),
            gold_slashes: gold::slashes(*gold_opened, *gold_void),
        }
    }
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

/// Tallies a lot of `items` items, whose current round has ended: its slots are committed or revealed.
#[must_use]
pub fn judge<'a>(terms: &'a Terms, items: u8, state: &'a LotState) -> Judgement<'a> {
    let work = state.work_slots();
    let slots = &state.slots[..work.min(SLOTS_MAX)];
    let mut revealed: [Option<&[u8]>; SLOTS_MAX] = [None; SLOTS_MAX];
    for (answers, slot) in revealed.iter_mut().zip(slots) {
        *answers = slot.revealed();
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
        for item in Items(state.open_items).iter() {
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

    /// What a slot of a lot of `items` items revealed; `None` before.
    #[cfg(feature = "host")]
    #[must_use]
    pub fn answers_of(&self, slot: &Slot, terms: &Terms, items: u8) -> Option<Answers> {
        let items = Items(self.judged_items(slot.round, items));
        Some(Answers { items, width: terms.answer_width, bytes: slot.revealed()?.to_vec() })
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

    /// The lot's answers to all of its items, zeros where one is unresolved. Empty in an adjudicated batch.
    #[must_use]
    pub fn answers(&self) -> Answers {
        let (items, width) = (Items(all_items(self.items)), self.terms.answer_width);
        if self.terms.adjudicator().is_some() {
            return Answers { items: Items(0), width, bytes: Vec::new() };
        }
        Answers { items, width, bytes: self.answer_bytes() }
    }

    fn answer_bytes(&self) -> Vec<u8> {
        let width = usize::from(self.terms.answer_width);
        let length = usize::from(self.items) * width;
        // Most winners answered as the first slot did, so its answers are taken as they are and the others put in.
        let whole = self.revealed[0].filter(|bytes| bytes.len() == length);
        let mut answers = whole.map_or_else(|| vec![0; length], <[u8]>::to_vec);
        let others = if whole.is_some() { !self.items_where(|winner| winner & 1 != 0) } else { u64::MAX };
        for item in Items(others & all_items(self.items)).iter() {
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
            None => self.answers().digest(sha256),
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

    /// The adjudicator's verdict, if there is one and it holds.
    fn verdict(&self) -> Option<&'a Verdict> {
        let ruling = self.ruling.as_ref()?;
        ruling.case.verdict.as_ref().filter(|_| ruling.overturned.is_empty())
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
}
