//! One lot after the other: people answer, the real rules judge.

use piecework_interface::{
    case::Challenge,
    ids::AccountNo,
    settlement,
    terms::{JURY, Terms},
    view::{LotState, Slot, SlotPhase},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::seats::{Table, Tables};

/// The right answer, and the coalition's.
const TRUTH: u8 = 0;
const LIE: u8 = 1;

/// How those outside the coalition answer.
#[derive(Clone, Copy, Debug)]
pub struct People {
    /// Answer classes.
    pub classes: u8,
    /// How often they err.
    pub error_pct: u32,
    /// How many of them answer an extension with the largest group of round 0.
    pub copier_pct: u32,
}

/// What became of all items.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Items.
    pub items: u32,
    /// Accepted with a wrong answer.
    pub wrong: u32,
    /// In an extension.
    pub extended: u32,
    /// Without a result.
    pub unresolved: u32,
    /// Answers asked for.
    pub copies: u32,
    /// Lots with an extension.
    pub extended_lots: u32,
    /// Items that go to a jury.
    pub juried: u32,
    /// Lots that need one.
    pub juried_lots: u32,
    /// Accepted with a wrong answer after that.
    pub wrong_after_jury: u32,
    /// Without a result after that.
    pub unresolved_after_jury: u32,
}

/// Judges a lot at every table.
pub fn run(terms: &Terms, people: People, tables: &Tables, seed: u64) -> Counts {
    let mut random = StdRng::seed_from_u64(seed);
    let mut counts = Counts::default();
    for table in &tables.0 {
        one(terms, people, table, &mut random, &mut counts);
    }
    counts
}

fn one(terms: &Terms, people: People, table: &Table, random: &mut StdRng, counts: &mut Counts) {
    let items = terms.lot_size;
    let mut state = LotState::default();
    for (node, coalition) in &table.first {
        let answers = (0..items).map(|_| if *coalition { LIE } else { people.answer(random) }).collect();
        state.slots.push(revealed(*node, 0, answers));
    }
    let open = settlement::judge(terms, items, &state).unresolved();
    let late = if terms.has_extension() { open } else { 0 };
    if late != 0 {
        extend(&mut state, late, people, table, random);
    }
    let judgement = settlement::judge(terms, items, &state);
    counts.items += u32::from(items);
    counts.wrong += wrong(&judgement).count_ones();
    counts.unresolved += judgement.unresolved().count_ones();
    counts.extended += late.count_ones();
    counts.extended_lots += u32::from(late != 0);
    counts.copies += u32::from(items) * u32::from(terms.start) + late.count_ones() * u32::from(terms.seats(1));

    // Who knows better challenges: items without a result, and wrong ones for which somebody had the right answer.
    let disputed = judgement.unresolved() | wrong(&judgement) & known(&state, items);
    if disputed != 0 {
        try_by_jury(&mut state, disputed, people, table, random);
    }
    let judgement = settlement::judge(terms, items, &state);
    counts.juried += disputed.count_ones();
    counts.juried_lots += u32::from(disputed != 0);
    counts.wrong_after_jury += wrong(&judgement).count_ones();
    counts.unresolved_after_jury += judgement.unresolved().count_ones();
}

/// Items whose result is wrong.
fn wrong(judgement: &settlement::Judgement<'_>) -> u64 {
    let (accepted, answers) = (judgement.accepted(), judgement.answers());
    let wrong = answers.iter().filter(|(item, answer)| accepted & (1 << item) != 0 && **answer != [TRUTH]);
    wrong.fold(0, |set, (item, _)| set | 1 << item)
}

/// Items that a slot of round 0 answered rightly.
fn known(state: &LotState, items: u8) -> u64 {
    let right = |item: &u8| {
        state.slots.iter().filter(|slot| slot.round == 0).any(|slot| match &slot.phase {
            SlotPhase::Revealed(answers) => answers[usize::from(*item)] == TRUTH,
            SlotPhase::Reserved(_) | SlotPhase::Committed(_) => false,
        })
    };
    (0..items).filter(right).fold(0, |set, item| set | 1 << item)
}

/// Seats a jury on these items.
fn try_by_jury(state: &mut LotState, disputed: u64, people: People, table: &Table, random: &mut StdRng) {
    let challenger = AccountNo(u32::MAX);
    state.case_mut().challenges.push(Challenge { account: challenger, operator: challenger, items: disputed });
    state.round = JURY;
    let judged = disputed.count_ones();
    for (node, coalition) in &table.jury {
        let answers = (0..judged).map(|_| if *coalition { LIE } else { people.answer(random) }).collect();
        state.slots.push(revealed(*node, JURY, answers));
    }
}

/// Adds the extension's slots, some of which copy what everybody can see.
pub fn extend(state: &mut LotState, open: u64, people: People, table: &Table, random: &mut StdRng) {
    let visible: Vec<_> = (0..64).filter(|item| open & (1 << item) != 0).map(|item| largest(state, item)).collect();
    (state.round, state.open_items) = (1, open);
    for (node, coalition) in &table.late {
        let copies = random.random_ratio(people.copier_pct, 100);
        let answers = visible.iter().map(|seen| match seen {
            _ if *coalition => LIE,
            Some(seen) if copies => *seen,
            _ => people.answer(random),
        });
        let answers = answers.collect();
        state.slots.push(revealed(*node, 1, answers));
    }
}

/// The strictly largest answer of round 0 to an item.
fn largest(state: &LotState, item: usize) -> Option<u8> {
    let mut given = [0_u8; 256];
    for slot in &state.slots {
        if let SlotPhase::Revealed(answers) = &slot.phase {
            given[usize::from(answers[item])] += 1;
        }
    }
    let most = given.iter().copied().max().unwrap_or_default();
    let mut leaders = (0..=u8::MAX).filter(|answer| given[usize::from(*answer)] == most);
    let leader = leaders.next();
    if leaders.next().is_none() { leader } else { None }
}

/// A slot with these answers.
pub const fn revealed(node: AccountNo, round: u8, answers: Vec<u8>) -> Slot {
    Slot { node, operator: node, round, phase: SlotPhase::Revealed(answers) }
}

impl People {
    /// An answer to one item.
    pub fn answer(&self, random: &mut StdRng) -> u8 {
        if random.random_ratio(self.error_pct, 100) { random.random_range(1..self.classes) } else { TRUTH }
    }
}
