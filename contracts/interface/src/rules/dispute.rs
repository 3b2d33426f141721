//! Rules of disputes: what gold, challenges, juries and adjudicators may do, and what they put up.
//!
//! A jury is a round like any other: five seats drawn by sortition, commitments, reveals. What is its own is who may sit,
//! which items it answers, and that four of five must agree.

use crate::model::{
    case::Case,
    config::Fixed,
    draw::Seed,
    terms::{JURORS, JURY, Terms},
    view::{LotState, Node},
};
use crate::rules::{lots::all_items, money};

/// Equal answers that overturn a result.
pub const JURORS_AGREEING: u32 = 4;
/// Jurors that must commit, and reveal, for a jury to decide anything.
pub const JURORS_MIN: usize = 3;
/// Challenges of one lot at most.
pub const CHALLENGES_MAX: usize = 4;
/// Full marks of an adjudicator.
pub const SCORE_FULL: u16 = 10_000;
/// An adjudicator's bond pays the juries of so many lots; each lot that it loses takes one part.
pub const ADJUDICATOR_PARTS: u128 = 4;
/// What a juror answers about an adjudicator's scores: they hold.
pub const UPHOLD: u8 = 0;
/// What a juror answers about an adjudicator's scores: they do not.
pub const OVERTURN: u8 = 1;

/// What a juror earns for a jury of a lot of `items` items that answers `judged` of them, and what it puts up,
/// yoctoNEAR: the worth of the same work, `⌈bond_rate × judged × reward / 2^32⌉`. A jury on an adjudicator's scores looks
/// at the whole lot.
#[must_use]
pub fn juror_fee(terms: &Terms, fixed: &Fixed, items: u8, judged: u64) -> u128 {
    let judged = if terms.adjudicator().is_some() { u32::from(items) } else { judged.count_ones() };
    money::bond_of(terms, fixed, u8::try_from(judged).unwrap_or(u8::MAX), 100)
}

/// The bond of a challenge of a set of items, yoctoNEAR: five jurors for these and as many others, and a tenth.
#[must_use]
pub fn challenge_bond(terms: &Terms, fixed: &Fixed, items: u8, challenged: u64) -> u128 {
    let judged = all_items(challenged.count_ones().saturating_mul(2).min(u32::from(items)).try_into().unwrap_or(items));
    let fees = juror_fee(terms, fixed, items, judged).saturating_mul(u128::from(JURORS));
    fees.saturating_add(fees.div_ceil(10))
}

/// The bond of an adjudicator, yoctoNEAR: the juries of four full lots.
#[must_use]
pub fn adjudicator_bond(terms: &Terms, fixed: &Fixed) -> u128 {
    let fee = money::bond_of(terms, fixed, terms.lot_size, 100);
    fee.saturating_mul(u128::from(JURORS)).saturating_mul(ADJUDICATOR_PARTS)
}

/// Why items of a lot cannot be challenged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeRefusal {
    /// The lot does not answer one of them.
    NoItem,
    /// None is named, or one was challenged already.
    Taken,
    /// The lot has [`CHALLENGES_MAX`] challenges.
    Full,
}

impl ChallengeRefusal {
    /// The refusal in a sentence.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoItem => "the lot has no such item",
            Self::Taken => "name items that nobody has challenged yet",
            Self::Full => "the lot has four challenges already",
        }
    }
}

/// The questions that a lot of `items` items answers: each item, or one about an adjudicator's scores.
#[must_use]
pub const fn questions(terms: &Terms, items: u8) -> u64 {
    if terms.adjudicator().is_some() { 1 } else { all_items(items) }
}

impl Case {
    /// Whether these questions of a lot of `items` items may be challenged.
    ///
    /// # Errors
    /// Why not.
    pub fn may_challenge(&self, terms: &Terms, items: u8, challenged: u64) -> Result<(), ChallengeRefusal> {
        if challenged & !questions(terms, items) != 0 {
            return Err(ChallengeRefusal::NoItem);
        }
        if challenged == 0 || challenged & self.challenged() != 0 {
            return Err(ChallengeRefusal::Taken);
        }
        if self.challenges.len() >= CHALLENGES_MAX { Err(ChallengeRefusal::Full) } else { Ok(()) }
    }
}

/// The items that a jury with this seed answers: those challenged, and as many others of the lot as there are, from a
/// place on that the seed names. About an adjudicator's scores there is one question.
#[must_use]
pub fn jury_items(terms: &Terms, items: u8, challenged: u64, seed: &Seed) -> u64 {
    if terms.adjudicator().is_some() {
        return 1;
    }
    let start = u64::from_le_bytes(core::array::from_fn(|index| seed.value[index]));
    let others = (0..items).map(|step| (start % u64::from(items) + u64::from(step)) % u64::from(items));
    let others = others.map(|item| 1_u64 << item).filter(|bit| challenged & bit == 0);
    others.take(challenged.count_ones() as usize).fold(challenged, |all, bit| all | bit)
}

/// Whether a node may sit on juries of the batch: it is old enough and has earned trust in the class.
#[must_use]
pub fn may_judge(node: &Node, terms: &Terms, fixed: &Fixed, now_s: u32) -> bool {
    let trusted = node.class(terms.class).is_some_and(|class| class.reputation >= fixed.juror_reputation);
    trusted && now_s >= node.registered_at.saturating_add(fixed.juror_age_s)
}

impl LotState {
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
    pub const fn answer_bytes(&self, terms: &Terms, round: u8, items: u8) -> u32 {
        let width = if round == JURY && terms.adjudicator().is_some() { 1 } else { terms.answer_width };
        self.judged_items(round, items).count_ones() * width as u32
    }
}
