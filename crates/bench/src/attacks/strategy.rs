//! What a coalition does with the seats that it gets.

use rand::{Rng as _, rngs::StdRng};

/// What one seat of the coalition does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Works, and answers rightly.
    Work,
    /// Gives the coalition's wrong answer.
    Lie,
    /// Gives a wrong answer of its own.
    Scatter,
    /// Gives one of ten answers without a look.
    Guess,
    /// Gives the largest group's answer of round 0 without a look.
    Copy,
    /// Commits and never reveals.
    Silent,
    /// Holds its reservation until it ends.
    Hold,
    /// Gives its reservation back.
    GiveBack,
}

/// How the seats of a round decide.
#[derive(Clone, Copy, Debug)]
pub enum Plan {
    /// Every seat does it.
    All(Act),
    /// Every seat does it where the coalition has this many or more, else works.
    From(usize, Act),
    /// Its first seat of several does this, every other that.
    Split(Act, Act),
    /// Each seat does one of the acts, by these weights.
    Mix([u8; ACTS.len()]),
}

/// When the coalition claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Among the others that may.
    Fair,
    /// Before the others that may in the same second.
    Early,
    /// A slice after it may.
    Late,
}

/// What the coalition does beside its seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// Challenges results that are not its own, with jurors that stand by it.
    Challenge,
    /// Cancels the batch once its seats are taken.
    Cancel,
    /// Lets the batch expire once its seats are taken.
    Expire,
    /// Pays itself: a batch in a class that admits its own nodes alone.
    Wash,
}

/// A strategy of a coalition.
#[derive(Clone, Debug)]
pub struct Strategy {
    /// Its name.
    pub name: String,
    /// When it claims.
    pub pace: Pace,
    /// Seats of round 0.
    pub first: Plan,
    /// Seats of the extension.
    pub late: Plan,
    /// Seats of a round 0 that is all its own.
    pub whole: Act,
    /// What else it does.
    pub beside: Beside,
}

/// A seat of the coalition among its seats of a round.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// How many are before it.
    pub place: usize,
    /// How many there are.
    pub seats: usize,
    /// Whether they are all seats of the round.
    pub whole: bool,
}

const ACTS: [Act; 8] =
    [Act::Work, Act::Lie, Act::Scatter, Act::Guess, Act::Copy, Act::Silent, Act::Hold, Act::GiveBack];
/// Random mixtures.
const MIXTURES: u8 = 4;

impl Strategy {
    fn new(name: &str, first: Plan, late: Plan) -> Self {
        Self { name: name.to_owned(), pace: Pace::Fair, first, late, whole: Act::Work, beside: Beside::Nothing }
    }

    /// The yardstick: work in every seat.
    pub fn honest() -> Self {
        Self::new("honest", Plan::All(Act::Work), Plan::All(Act::Work))
    }

    /// Whether only a requester can play it.
    pub const fn needs_requester(&self) -> bool {
        matches!(self.beside, Beside::Cancel | Beside::Expire | Beside::Wash)
    }

    /// What an own seat of a round does.
    pub fn act(&self, round: u8, Own { place, seats, whole }: Own, random: &mut StdRng) -> Act {
        match if round == 0 { self.first } else { self.late } {
            _ if whole && round == 0 => self.whole,
            Plan::All(act) => act,
            Plan::From(least, act) => {
                if seats >= least {
                    act
                } else {
                    Act::Work
                }
            }
            Plan::Split(first, others) => {
                if place == 0 && seats > 1 {
                    first
                } else {
                    others
                }
            }
            Plan::Mix(weights) => {
                let mut left = random.random_range(0..weights.iter().map(|weight| u32::from(*weight)).sum());
                let chosen = weights.iter().zip(ACTS).find(|(weight, _)| {
                    let here = left < u32::from(**weight);
                    left = left.saturating_sub((**weight).into());
                    here
                });
                // Round 0 has nothing to copy yet.
                chosen.map_or(Act::Work, |(_, act)| if round == 0 && act == Act::Copy { Act::Guess } else { act })
            }
        }
    }
}

/// All strategies but the honest one; `random` draws the mixtures.
pub fn all(random: &mut StdRng) -> Vec<Strategy> {
    use Act::{Copy, GiveBack, Guess, Hold, Lie, Scatter, Silent, Work};
    use Plan::{All, From, Split};
    let mut all: Vec<_> = [
        ("dissent", All(Lie), All(Work)),
        ("lie", All(Lie), All(Lie)),
        ("scatter", All(Scatter), All(Scatter)),
        ("guess", All(Guess), All(Guess)),
        ("copy", All(Work), All(Copy)),
        ("silence", All(Silent), All(Silent)),
        ("hold", All(Hold), All(Hold)),
        ("hold extension", All(Work), All(Hold)),
        ("give back", All(GiveBack), All(GiveBack)),
        ("tie", Split(Hold, Lie), All(Lie)),
        ("overturn", All(Work), From(3, Lie)),
        ("force and overturn", From(1, Lie), From(3, Lie)),
    ]
    .map(|(name, first, late)| Strategy::new(name, first, late))
    .into();
    all.push(Strategy { whole: Lie, ..Strategy::new("capture", All(Work), All(Work)) });
    for (name, pace) in [("early", Pace::Early), ("late", Pace::Late)] {
        all.push(Strategy { pace, ..Strategy::new(name, All(Work), All(Work)) });
    }
    let beside = [
        ("challenge", Lie, Beside::Challenge),
        ("cancel", Hold, Beside::Cancel),
        ("expire", Hold, Beside::Expire),
        ("wash", Lie, Beside::Wash),
    ];
    all.extend(beside.map(|(name, act, beside)| Strategy { beside, ..Strategy::new(name, All(act), All(act)) }));
    for strategy in all.iter_mut().filter(|strategy| strategy.beside == Beside::Wash) {
        strategy.whole = Lie;
    }
    for number in 1..=MIXTURES {
        let mut weights =
            || Plan::Mix(core::array::from_fn(|act| if act == 0 { 4 } else { random.random_range(0..=4) }));
        let (first, late) = (weights(), weights());
        all.push(Strategy::new(&format!("mixture {number}"), first, late));
    }
    all
}
