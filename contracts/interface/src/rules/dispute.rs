//! Rules of appeals: what challengers, juries and adjudicators may do, and what they put up.
//!
//! A jury is a round like any other: five seats drawn by sortition, commitments, reveals. What is its own is who may sit,
//! which items it answers, and that four of five must agree.

use crate::model::{
    case::{Case, Challenge},
    config::Fixed,
    ids::AccountNo,
    terms::{JURY, Terms},
    view::{LotState, Node},
};
use crate::rules::{lots::all_items, money};

/// Equal answers that overturn a result, and jurors that must commit, and reveal, for a jury to decide anything.
pub const JURORS_AGREEING: u32 = 4;
/// Challenges of one lot at most.
pub const CHALLENGES_MAX: usize = 4;
/// Seconds that a window stays open at least after a challenge was replaced.
pub const REPLACED_S: u32 = 600;
/// Full marks of an adjudicator.
pub const SCORE_FULL: u16 = 10_000;
/// An adjudicator's bond pays the appeals of so many lots; each lot that it loses takes one part.
pub const ADJUDICATOR_PARTS: u128 = 4;
/// Items that a jury on an adjudicator's scores reads at most.
pub const READ_ITEMS_MAX: u8 = 8;
/// What a juror answers about an adjudicator's scores: they hold.
pub const UPHOLD: u8 = 0;
/// What a juror answers about an adjudicator's scores: they do not.
pub const OVERTURN: u8 = 1;
/// A juror's bond in parts of the worth of an item.
const JUROR_BOND_PARTS: u128 = 3;
/// Half rewards of the deposit of one challenged item: five jurors, and a tenth.
const DEPOSIT_HALVES: u128 = 11;

/// The items whose work a jury is paid for: those that it answers, or, of an adjudicator's scores, those that it reads.
#[must_use]
pub fn worked_items(terms: &Terms, items: u8, judged: u64) -> u8 {
    let count = u8::try_from(judged.count_ones()).unwrap_or(u8::MAX);
    if terms.adjudicator().is_some() { items.min(READ_ITEMS_MAX) } else { count }
}

/// What a juror earns who is not alone, in units of the token: R for each item of its work.
#[must_use]
pub fn juror_fee(terms: &Terms, items: u8, judged: u64) -> u128 {
    u128::from(worked_items(terms, items, judged)).saturating_mul(terms.reward.0)
}

/// What a juror loses who gives its seat up or stands against four on all of its items, yoctoNEAR: f for each.
#[must_use]
pub fn juror_loss(terms: &Terms, fixed: &Fixed, items: u8, judged: u64) -> u128 {
    u128::from(worked_items(terms, items, judged)).saturating_mul(money::item_worth(terms, fixed))
}

/// What a juror puts up, yoctoNEAR: 3 f for each item of its work.
#[must_use]
pub fn juror_bond(terms: &Terms, fixed: &Fixed, items: u8, judged: u64) -> u128 {
    juror_loss(terms, fixed, items, judged).saturating_mul(JUROR_BOND_PARTS)
}

/// The deposit of a challenge of these items of a lot of `items`, in units of the token: 5.5 R for each item of the jury's
/// work.
#[must_use]
pub fn challenge_deposit(terms: &Terms, items: u8, challenged: u64) -> u128 {
    // The reward is even, so half of it is whole.
    u128::from(worked_items(terms, items, challenged)).saturating_mul(DEPOSIT_HALVES * (terms.reward.0 / 2))
}

/// What an adjudicator answers for a lot of `items` items, in units of the token: 5.5 R for each item that a jury reads.
#[must_use]
pub fn adjudicator_part(terms: &Terms, items: u8) -> u128 {
    u128::from(items.min(READ_ITEMS_MAX)).saturating_mul(DEPOSIT_HALVES * (terms.reward.0 / 2))
}

/// The bond with which an adjudicator accepts, in units of the token: four parts.
#[must_use]
pub fn adjudicator_bond(terms: &Terms) -> u128 {
    adjudicator_part(terms, terms.lot_size).saturating_mul(ADJUDICATOR_PARTS)
}

/// Why items of a lot cannot be challenged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeRefusal {
    /// The lot does not answer one of them.
    NoItem,
    /// None is named, or one was challenged already.
    Taken,
    /// The lot has [`CHALLENGES_MAX`] challenges, none of them of fewer items.
    Full,
}

impl ChallengeRefusal {
    /// The refusal in a sentence.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoItem => "the lot has no such item",
            Self::Taken => "name items that nobody has challenged yet",
            Self::Full => "the lot has four challenges already: name more items than the smallest of them",
        }
    }
}

/// The questions that a lot of `items` items answers: each item, or one about an adjudicator's scores.
#[must_use]
pub const fn questions(terms: &Terms, items: u8) -> u64 {
    if terms.adjudicator().is_some() { 1 } else { all_items(items) }
}

impl Case {
    /// Adds a challenge of these questions of a lot of `items` items. Four stand at most; one more that names more items
    /// than the smallest (of equals the latest) replaces that, which is returned, and keeps the window open for ten
    /// minutes more.
    ///
    /// # Errors
    /// Why not.
    pub fn challenge(
        &mut self,
        terms: &Terms,
        items: u8,
        (account, operator, challenged): (AccountNo, AccountNo, u64),
        now_s: u32,
    ) -> Result<Option<Challenge>, ChallengeRefusal> {
        if challenged & !questions(terms, items) != 0 {
            return Err(ChallengeRefusal::NoItem);
        }
        if challenged == 0 || challenged & self.challenged() != 0 {
            return Err(ChallengeRefusal::Taken);
        }
        let mut replaced = None;
        if self.challenges.len() >= CHALLENGES_MAX {
            let sizes = self.challenges.iter().map(|challenge| challenge.items.count_ones()).enumerate();
            let smallest = sizes.min_by_key(|(index, size)| (*size, usize::MAX - index));
            let (index, _) =
                smallest.filter(|(_, size)| challenged.count_ones() > *size).ok_or(ChallengeRefusal::Full)?;
            replaced = Some(self.challenges.remove(index));
            self.open_until = now_s.saturating_add(REPLACED_S);
        }
        self.challenges.push(Challenge { account, operator, items: challenged });
        Ok(replaced)
    }
}

impl LotState {
    /// Whether a node may sit on a jury about this lot: since before the lot's first claim its tickets have not risen and
    /// it has declared the class and been admitted to it.
    #[must_use]
    pub fn may_be_judged_by(&self, node: &Node, terms: &Terms) -> bool {
        let joined = node.class(terms.class).is_some_and(|class| class.since < self.begun_at);
        joined && node.risen_at < self.begun_at
    }

    /// Slots that did the work, of round 0 and the extension: jurors come after them.
    #[must_use]
    pub fn work_slots(&self) -> usize {
        self.slots.iter().take_while(|slot| slot.round < JURY).count()
    }

    /// The case, made if there is none.
    pub fn case_mut(&mut self) -> &mut Case {
        self.case.get_or_insert_default()
    }

    /// Bytes of one slot's answers in a round of a lot of `items` items.
    #[must_use]
    pub fn answer_bytes(&self, terms: &Terms, round: u8, items: u8) -> u32 {
        let width = if round == JURY && terms.adjudicator().is_some() { 1 } else { terms.answer_width };
        self.judged_items(round, items).count_ones() * u32::from(width)
    }
}

/// The items that a jury on an adjudicator's scores reads, of a lot of `items`: so many, from a place on that its seed names.
pub fn read_items(items: u8, seed: &[u8; 16]) -> impl Iterator<Item = u8> {
    let start = u64::from_le_bytes(core::array::from_fn(|index| seed[index])) % u64::from(items.max(1));
    let first = u8::try_from(start).unwrap_or_default();
    (0..items.min(READ_ITEMS_MAX)).map(move |step| (first + step) % items.max(1))
}
