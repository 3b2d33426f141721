//! What a lot pays and costs, slot by slot: a pure function of its terms and its slots' answers.
//!
//! Pay of one item, by slot:
//!
//! | the item | slot of round 0 | slot of the extension |
//! | --- | --- | --- |
//! | has a result | R if it gave it | R/2 if it gave it; 3R/2 if round 0 had a single largest group, of any size, and the result is another |
//! | has none; one group over both rounds is the largest | R in that group | R/2 in that group |
//! | has none; the largest groups tie | R/2 in each of them | 0 |
//! | its result was overturned by a jury | R if it gave the jury's answer | R/2 |
//!
//! All else gets nothing. A revealed slot that misses a result is slashed for it; a slot that did not reveal loses its bond.
//! Slashes are burnt: nobody gains by them but a challenger whom a jury proves right, and jurors beside whom others fall
//! silent.

mod appeal;
mod pay;
mod scores;

use crate::{
    Sha256,
    model::{
        amount::Amount,
        answers::{Answers, Items},
        case::{Case, ChallengerPay, JurorPay, Verdict},
        config::Fixed,
        ids::Digest,
        terms::{JURY, LOT_SIZE_MAX, Terms},
        view::{LotState, OpenBatch},
    },
    rules::{
        dispute::{adjudicator_part, juror_bond},
        lots::all_items,
        money,
        tally::{self, Groups, RoundAnswers, SLOTS_MAX, SlotSet},
    },
};

use appeal::Ruling;

/// The outcome of a lot's items, recomputed from its slots whenever it is needed, so that nothing of it is stored.
#[derive(Clone, Debug)]
pub struct Judgement<'a> {
    /// The lot's, with its own reward.
    terms: Terms,
    items: u8,
    open_items: u64,
    /// What each slot revealed, in the lot's order: round 0 first.
    revealed: [Option<&'a [u8]>; SLOTS_MAX],
    /// Slots, and how many of them are of round 0.
    slots: usize,
    first_slots: usize,
    /// Slots with the result, per item; empty where the item has none, or none that a slot gave.
    winners: Groups,
    /// The lot's case, once something was added to the lot.
    case: Option<&'a Case>,
    /// Whether its result may be appealed.
    appeal: bool,
    /// What a jury came to, if the lot went to one.
    ruling: Option<Box<Ruling<'a>>>,
}

/// What follows the tally of a lot's round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It settles.
    Settle,
    /// Its adjudicator scores it.
    Judge,
    /// These items have an extension.
    Extend(u64),
    /// Its result is provisional, open to challenges.
    Appeal,
}

/// What stands behind the scores of a lot's adjudicator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// What is left of its bond, in units of the token.
    pub bond: u128,
    /// What it must hold for its scores to count: the part of a full lot.
    pub part: u128,
}

impl OpenBatch {
    /// What stands behind the scores of the batch's adjudicator in this lot.
    #[must_use]
    pub fn held(&self, state: &LotState) -> Held {
        Held::of(&state.terms(&self.terms), self.progress.bond.0)
    }
}

impl Held {
    /// What stands behind scores of a lot of these terms, where so much is left of the bond.
    #[must_use]
    pub fn of(terms: &Terms, bond: u128) -> Self {
        Self { bond, part: adjudicator_part(terms, terms.lot_size) }
    }
}

/// What settlement does to one slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotOutcome {
    /// Whether it revealed.
    pub revealed: bool,
    /// Whether it is a juror's.
    pub judges: bool,
    /// The bond that it frees, yoctoNEAR.
    pub bond: u128,
    /// Reward to credit, in units of the batch's token.
    pub pay: u128,
    /// Part of the bond that is lost, yoctoNEAR.
    pub slash: u128,
    /// Items with a result that the slot of round 0 gave.
    pub agreed: u32,
    /// Items with a result; 0 unless the slot is of round 0 and at least three of them committed. Slots of an extension
    /// could see the answers, so they earn no reputation. Of an adjudicator's score, full marks.
    pub decided: u32,
    /// A juror's fee, in units of the token.
    pub fee: u128,
    /// A juror's part of silent jurors' bonds, yoctoNEAR.
    pub near: u128,
}

/// What a challenger gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// Of its deposit, and of what an adjudicator lost; in units of the token.
    pub tokens: u128,
    /// Out of slashes, yoctoNEAR.
    pub near: u128,
}

/// What settlement does to a lot. In the token: its escrow, the deposits of its challenges and `forfeit` are together
/// `fee + refund + Σ pay + Σ jurors' fees + Σ challengers' tokens + pot × revealed slots of work`. In NEAR: slashes are
/// together what jurors and challengers get of them, and what is burnt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Per slot, in the lot's order, jurors last.
    pub slots: Vec<SlotOutcome>,
    /// Due to the treasury and the referrer: the fee on pay, withheld pay, and what divisions leave over.
    pub fee: u128,
    /// The referrer's part of it: of the fee on pay alone.
    pub referral: u128,
    /// What is left of the fee on pay: what reputation counts.
    pub net_fee: u128,
    /// Returned to the requester.
    pub refund: u128,
    /// Credited to each revealed slot that did the work, in units of the token: its part of lost deposits.
    pub pot: u128,
    /// Per challenge, in their order.
    pub challengers: Vec<Returned>,
    /// Taken from the adjudicator's bond, in units of the token.
    pub forfeit: u128,
}

impl Settlement {
    /// Slashed NEAR that nobody gets, yoctoNEAR.
    #[must_use]
    pub fn burnt(&self) -> u128 {
        let slashed: u128 = self.slots.iter().map(|slot| slot.slash).sum();
        let given = self.slots.iter().map(|slot| slot.near).chain(self.challengers.iter().map(|back| back.near));
        slashed.saturating_sub(given.sum())
    }

    /// What the slots and the case take out of what the batch holds, in units of the token: all but fee and refund, which
    /// stay with the batch.
    #[must_use]
    pub fn spent(&self) -> u128 {
        let slots = self.slots.iter().map(|slot| slot.pay.saturating_add(slot.fee));
        let challengers = self.challengers.iter().map(|back| back.tokens);
        let spent: u128 = slots.chain(challengers).fold(0, u128::saturating_add);
        spent.saturating_add(self.pot.saturating_mul(u128::from(self.pot_slots())))
    }

    /// What jurors and challengers get, for the journal. `state` is the lot's record.
    #[must_use]
    pub fn case_pay(&self, state: &LotState) -> (Vec<JurorPay>, Vec<ChallengerPay>) {
        let jurors = state.slots.iter().zip(&self.slots).filter(|(_, outcome)| outcome.judges);
        let jurors = jurors.map(|(slot, outcome)| JurorPay {
            node: slot.node,
            fee: Amount(outcome.fee),
            near: Amount(outcome.near),
        });
        let challenges = state.case.iter().flat_map(|case| &case.challenges);
        let challengers = challenges.zip(&self.challengers).map(|(challenge, back)| ChallengerPay {
            account: challenge.account,
            tokens: Amount(back.tokens),
            near: Amount(back.near),
        });
        (jurors.collect(), challengers.collect())
    }

    /// Slots that the pot is divided among.
    #[must_use]
    pub fn pot_slots(&self) -> u32 {
        if self.pot == 0 { 0 } else { self.slots.iter().map(|slot| u32::from(slot.shares_pot())).sum() }
    }
}

impl SlotOutcome {
    /// Whether the slot did work and revealed: jurors have no part in the pot.
    #[must_use]
    pub const fn shares_pot(&self) -> bool {
        self.revealed && !self.judges
    }
}

/// Tallies a lot of `items` items, whose current round has ended: its slots are committed or revealed.
#[must_use]
pub fn judge<'a>(terms: &Terms, items: u8, state: &'a LotState) -> Judgement<'a> {
    let terms = state.terms(terms);
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
        case: state.case.as_deref(),
        appeal: state.appeal,
        ruling: None,
    };
    if judgement.terms.adjudicator().is_none() {
        judgement.count_winners();
    }
    if let (JURY, Some(case)) = (state.round, judgement.case) {
        let ruling = Ruling::new(&judgement, case, &state.slots[work..]);
        for &(item, answer) in ruling.overturned.iter().filter(|_| judgement.terms.adjudicator().is_none()) {
            judgement.winners[usize::from(item)] = tally::equal_to(&judgement.item_answers(item), answer);
        }
        judgement.ruling = Some(Box::new(ruling));
    }
    judgement
}

/// The bond of a slot of the lot's round, yoctoNEAR.
#[must_use]
pub fn slot_bond(terms: &Terms, fixed: &Fixed, items: u8, state: &LotState, round: u8) -> u128 {
    let (terms, judged) = (&state.terms(terms), state.judged_items(round, items));
    if round == JURY {
        return juror_bond(terms, fixed, items, judged);
    }
    money::bond(terms, fixed, u8::try_from(judged.count_ones()).unwrap_or(u8::MAX))
}

impl LotState {
    /// The items that a round of a lot of `items` items judges.
    #[must_use]
    pub fn judged_items(&self, round: u8, items: u8) -> u64 {
        match (round, &self.case) {
            (0, _) => all_items(items),
            (JURY, Some(case)) => case.challenged(),
            _ => self.open_items,
        }
    }

    /// What a slot of a lot of `items` items revealed; `None` before.
    #[cfg(feature = "host")]
    #[must_use]
    pub fn answers_of(&self, slot: &crate::model::view::Slot, terms: &Terms, items: u8) -> Option<Answers> {
        let items = Items(self.judged_items(slot.round, items));
        Some(Answers { items, width: terms.answer_width, bytes: slot.revealed()?.to_vec() })
    }
}

impl<'a> Judgement<'a> {
    /// Counts each item's answers: those of round 0, and of items that it left open those of the extension.
    fn count_winners(&mut self) {
        let quorum = self.terms.quorum_pct;
        let mut winners = tally::tally(&self.round(0), self.terms.seats(0), quorum);
        if self.open_items != 0 {
            let late = tally::tally(&self.round(1), self.terms.seats(1), quorum);
            for item in Items(self.open_items).iter() {
                winners[usize::from(item)] = self.with_late_winners(item, late[usize::from(item)]);
            }
        }
        self.winners = winners;
    }

    /// Items with a result, bit i for item i.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        let overturned = if self.terms.adjudicator().is_some() { 0 } else { self.overturned() };
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

    /// What follows the tally of a round.
    #[must_use]
    pub fn next(&self, round: u8) -> Next {
        let open_items = self.unresolved();
        if round == JURY {
            Next::Settle
        } else if self.terms.adjudicator().is_some() {
            // Where there is nothing to score, there is nothing to wait for.
            if self.revealed.iter().any(Option::is_some) { Next::Judge } else { Next::Settle }
        } else if round == 0 && open_items != 0 && self.terms.has_extension() {
            Next::Extend(open_items)
        } else if self.appeal {
            Next::Appeal
        } else {
            Next::Settle
        }
    }

    /// Items without a result: those of an extension, if there may be one.
    #[must_use]
    pub fn unresolved(&self) -> u64 {
        all_items(self.items) & !self.accepted()
    }

    /// The lot's answers to all of its items, zeros where one has no result. Empty in an adjudicated batch.
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
            match self.result(item) {
                Some(answer) => bytes.copy_from_slice(answer),
                None => bytes.fill(0),
            }
        }
        answers
    }

    /// The result of an item: the answer of its winners, or the jury's.
    fn result(&self, item: u8) -> Option<&'a [u8]> {
        let ruled = self.ruling.iter().flat_map(|ruling| &ruling.overturned).find(|(of, _)| *of == item);
        let winners = self.winners[usize::from(item)];
        ruled.map(|(_, answer)| *answer).or_else(|| self.item_answer(winners.trailing_zeros() as usize, item))
    }

    /// What the results' leaf stands for: the SHA-256 of the answers, or the adjudicator's report if its verdict holds.
    #[must_use]
    pub fn digest(&self, sha256: Sha256) -> Digest {
        match self.verdict() {
            Some(verdict) => verdict.report,
            None => self.answers().digest(sha256),
        }
    }

    /// Items whose result is the slot's answer.
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

    /// Items whose result a jury changed, if four jurors revealed and so decided; `None` without such a jury.
    #[must_use]
    pub fn ruled(&self) -> Option<u64> {
        self.ruling.as_ref().filter(|ruling| ruling.decides()).map(|ruling| ruling.overturned_items())
    }

    /// The adjudicator's verdict, unless a jury overturned it.
    fn verdict(&self) -> Option<&'a Verdict> {
        self.case?.verdict.as_ref().filter(|_| self.overturned() == 0)
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

/// Who challenged an item; nobody, if it was not challenged.
fn challenger_of(case: &Case, item: u8) -> Option<usize> {
    case.challenges.iter().position(|challenge| challenge.items & (1 << item) != 0)
}
