//! What a lot's case changes in its result: gold that decides, and a jury that overturns.

use crate::{
    model::{
        case::{self, Case},
        terms::{JURORS, Terms},
        view::Slot,
    },
    rules::{
        dispute::{JURORS_AGREEING, JURORS_MIN, OVERTURN},
        tally::{self, Groups, RoundAnswers},
    },
};

/// A case with its jury's answers counted.
#[derive(Clone, Debug)]
pub(super) struct Ruling<'a> {
    pub case: &'a Case,
    /// Winners by the lot's own answers.
    pub before: Groups,
    /// Items that gold decided.
    pub by_gold: u64,
    /// Items whose result the jury changed, with the right answers.
    pub overturned: Vec<(u8, &'a [u8])>,
    /// The jurors, in the lot's order.
    pub jury: Vec<Juror>,
}

/// How a juror did.
#[derive(Clone, Debug)]
pub(super) struct Juror {
    pub revealed: bool,
    /// Items on which at least four others agreed against it.
    pub missed: u32,
}

impl<'a> Ruling<'a> {
    /// Counts the answers of the jurors' slots; `result` is an item's answer before.
    pub fn new(
        terms: &Terms,
        case: &'a Case,
        jurors: &'a [Slot],
        before: Groups,
        result: impl Fn(u8) -> Option<&'a [u8]>,
    ) -> Self {
        let by_gold = case::items_of(&case.decided);
        let answers: Vec<_> = jurors.iter().take(usize::from(JURORS)).map(Slot::revealed).collect();
        let mut jury: Vec<_> = answers.iter().map(|answers| Juror { revealed: answers.is_some(), missed: 0 }).collect();
        let mut overturned = Vec::new();
        let adjudicated = terms.adjudicator().is_some();
        if jury.iter().filter(|juror| juror.revealed).count() >= JURORS_MIN {
            let width = if adjudicated { 1 } else { usize::from(terms.answer_width) };
            let round = RoundAnswers { items: case.jury_items, width, slots: &answers };
            let challenged = case.challenged();
            for (item, group) in (0_u8..).zip(tally::groups(&round)).filter(|(_, g)| g.count_ones() >= JURORS_AGREEING)
            {
                for (index, juror) in jury.iter_mut().enumerate() {
                    juror.missed += u32::from(juror.revealed && group & (1 << index) == 0);
                }
                let Some(answer) = round.answer(group.trailing_zeros() as usize, item) else { continue };
                let holds = if adjudicated { answer != [OVERTURN] } else { result(item) == Some(answer) };
                if challenged & (1 << item) != 0 && !holds {
                    overturned.push((item, answer));
                }
            }
        }
        Self { case, before, by_gold, overturned, jury }
    }

    /// Items whose result the jury changed.
    pub fn overturned_items(&self) -> u64 {
        self.overturned.iter().fold(0, |items, (item, _)| items | 1 << item)
    }

    /// Whether enough jurors revealed to decide.
    pub fn decides(&self) -> bool {
        self.jury.iter().filter(|juror| juror.revealed).count() >= JURORS_MIN
    }
}
