//! A lot while it is played: who sits, what they answer, and what everybody can see of it.

use std::collections::BTreeMap;

use piecework_interface::{answers::Items, settlement::Judgement};

use super::{LIE, TRUTH};
use crate::attacks::strategy::{Act, Scoring, Seen};

/// A slot, and what its node does with it.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Its node.
    pub node: u32,
    /// Its round.
    pub round: u8,
    /// What the coalition does with the whole seat; `None`: honest.
    pub act: Option<Act>,
    /// Its answers, to `judged` in order.
    pub answers: Vec<u8>,
    /// Items that it answers; of a jury on scores, one question.
    pub judged: Items,
    /// Items that it worked on, beyond what others of its coalition did.
    pub worked: u64,
    /// Items that it lies about.
    pub lies: u64,
}

impl Seat {
    /// Whether the coalition does that with it.
    pub fn is(&self, act: Act) -> bool {
        self.act == Some(act)
    }

    /// Whether it is an honest node's.
    pub const fn is_honest(&self) -> bool {
        self.act.is_none()
    }

    /// Whether it reveals.
    pub fn shows(&self) -> bool {
        self.act.is_none_or(Act::is_answer)
    }

    /// Its answer to an item, if it reveals one.
    pub fn answer(&self, item: u8) -> Option<u8> {
        let place = self.judged.place(item, 1).filter(|_| self.shows())?;
        self.answers.get(place.start).copied()
    }

    /// Items that it answers rightly in the open.
    pub fn right(&self) -> u64 {
        self.judged.iter().filter(|item| self.answer(*item) == Some(TRUTH)).fold(0, |set, item| set | 1 << item)
    }
}

/// A lot.
#[derive(Clone, Debug)]
pub struct Lot {
    /// Its number in the batch.
    pub id: u32,
    /// Its number over all batches.
    pub number: u32,
    /// Who has not come yet.
    pub comers: Vec<u32>,
    /// Its seats, of all rounds.
    pub seats: Vec<Seat>,
    /// The round that it is in.
    pub round: u8,
    /// The results that a jury is asked about, once they stood open to challenges.
    pub standing: Option<BTreeMap<u8, u8>>,
    /// How it was scored.
    pub scoring: Scoring,
}

/// The items of an open result, by what the result is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Results {
    /// Right.
    pub right: u64,
    /// The coalition's lie.
    pub lie: u64,
    /// Wrong, lies included.
    pub wrong: u64,
    /// Without a result.
    pub open: u64,
}

impl Lot {
    /// A lot to which nobody came yet.
    pub const fn new(id: u32, number: u32) -> Self {
        Self { id, number, comers: Vec::new(), seats: Vec::new(), round: 0, standing: None, scoring: Scoring::Fair }
    }

    /// Whether its scores are not those of its answers.
    pub fn is_unfair(&self) -> bool {
        self.scoring != Scoring::Fair && self.seats.iter().any(Seat::is_honest)
    }

    /// What round 0 showed of an item: its largest groups' answers, and all others.
    pub fn shown(&self, item: u8) -> (Vec<u8>, Vec<u8>) {
        let mut given = BTreeMap::new();
        for answer in self.seats.iter().filter(|seat| seat.round == 0).filter_map(|seat| seat.answer(item)) {
            *given.entry(answer).or_insert(0_u8) += 1;
        }
        let most = given.values().copied().max().unwrap_or_default();
        let (largest, others): (Vec<_>, Vec<_>) = given.into_iter().partition(|(_, count)| *count == most);
        let answers = |groups: Vec<(u8, u8)>| groups.into_iter().map(|(answer, _)| answer).collect();
        (answers(largest), answers(others))
    }

    /// What the coalition makes of that.
    pub fn seen(&self, item: u8) -> Seen {
        match self.shown(item).0[..] {
            [LIE] => Seen::Lie,
            [_] => Seen::Other,
            _ => Seen::Tie,
        }
    }

    /// Items that some seats answered rightly in the open, before a jury.
    pub fn known(&self, mut to: impl FnMut(&Seat) -> bool) -> u64 {
        let seats = self.seats.iter().filter(|seat| seat.round < piecework_interface::terms::JURY);
        seats.filter(|seat| to(seat)).fold(0, |set, seat| set | seat.right())
    }

    /// Items that its coalition worked on, lied about.
    pub fn own_items(&self) -> (u64, u64) {
        self.seats.iter().fold((0, 0), |(worked, lies), seat| (worked | seat.worked, lies | seat.lies))
    }

    /// Keeps the results that stand open to challenges, and says what they are.
    pub fn stand(&mut self, judgement: &Judgement<'_>) -> Results {
        let (accepted, answers) = (judgement.accepted(), judgement.answers());
        let mut results = Results { open: judgement.unresolved(), ..Results::default() };
        let mut standing = BTreeMap::new();
        for (item, answer) in answers.iter().filter(|(item, _)| accepted & (1 << item) != 0) {
            standing.insert(item, answer[0]);
            let set = if answer == [TRUTH] { &mut results.right } else { &mut results.wrong };
            *set |= 1 << item;
            if answer == [LIE] {
                results.lie |= 1 << item;
            }
        }
        self.standing = Some(standing);
        results
    }
}
