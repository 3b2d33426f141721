//! A strategy of a coalition, as data: what it does at each point where it decides, by weights, and by what it sees there.

use serde::Serialize;

/// What one seat of the coalition does. The first six are answers, of an item each; the others are the whole seat's.
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
    /// Gives the largest group's answer of round 0 without a look; on a jury, the result that stands.
    Copy,
    /// Gives an answer of round 0 that is not the largest group's, without a look.
    Oppose,
    /// Commits and never reveals.
    Silent,
    /// Holds its reservation until it ends.
    Hold,
    /// Gives its reservation back.
    GiveBack,
}

/// All acts, in the order of a [`Mix`].
pub const ACTS: [Act; 9] =
    [Act::Work, Act::Lie, Act::Scatter, Act::Guess, Act::Copy, Act::Oppose, Act::Silent, Act::Hold, Act::GiveBack];
/// Acts that are answers.
pub const ANSWERS: usize = 6;

/// Acts by weight, in the order of [`ACTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mix(pub [u8; ACTS.len()]);

/// When the coalition claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Among the others that may.
    Fair,
    /// Before the others that may in the same second.
    Early,
    /// A slice after it may.
    Late,
    /// Each of these by turns, as chance has it.
    Mixed,
}

/// How the requester ends its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It lets it run.
    Run,
    /// It cancels the batch once its seats are taken.
    Cancel,
    /// The batch expires once its seats are taken.
    Expire,
}

/// What the requester adds to its batch once the seats of half of its lots are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// Nothing.
    Nothing,
    /// It doubles the reward of the other half.
    Raise,
    /// It appends the other half, and closes the batch once they have begun.
    Append,
}

/// Which results the coalition challenges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// None.
    Nothing,
    /// Right ones, in lots where it lied; scores that were fair.
    Right,
    /// Its own lies; scores that were not fair.
    Own,
    /// Items without a result.
    Open,
}

/// How the requester's adjudicator scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoring {
    /// By the right answers.
    Fair,
    /// Others at 70 % at most, its own in full.
    Shave,
    /// Others at nothing, its own in full.
    Zero,
    /// Not at all.
    Late,
}

/// Endings, in the order of their weights.
pub const ENDINGS: [Ending; 3] = [Ending::Run, Ending::Cancel, Ending::Expire];
/// Growths, in the order of their weights.
pub const GROWTHS: [Growth; 3] = [Growth::Nothing, Growth::Raise, Growth::Append];
/// Challenges, in the order of their weights.
pub const CHALLENGES: [Challenge; 4] = [Challenge::Nothing, Challenge::Right, Challenge::Own, Challenge::Open];
/// Scorings, in the order of their weights.
pub const SCORINGS: [Scoring; 4] = [Scoring::Fair, Scoring::Shave, Scoring::Zero, Scoring::Late];

/// What round 0 shows of an item to the extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// One largest group, which is not the coalition's lie.
    Other,
    /// One largest group: the coalition's lie.
    Lie,
    /// No single largest group.
    Tie,
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

/// A strategy of a coalition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Strategy {
    /// Its name.
    pub name: String,
    /// When it claims.
    pub pace: Pace,
    /// Seats of round 0 by how many are its own, one to four: the first of several, and the others.
    pub first: [[Mix; 2]; 4],
    /// Seats of a round 0 that is all its own.
    pub whole: Mix,
    /// Seats of the extension by what round 0 shows ([`Seen`]), and by how many are its own, one to three.
    pub late: [[Mix; 3]; 3],
    /// Seats of a jury.
    pub jury: Mix,
    /// Whether each item is decided for itself, else all items of a seat alike.
    pub spread: bool,
    /// Whether its seats of a round decide alike, else each for itself.
    pub together: bool,
    /// Weights of [`CHALLENGES`], where there is a challenge window.
    pub challenges: [u8; CHALLENGES.len()],
    /// Weights of [`ENDINGS`]; a requester's.
    pub endings: [u8; ENDINGS.len()],
    /// Weights of [`GROWTHS`]; a requester's.
    pub growths: [u8; GROWTHS.len()],
    /// Whether its account is its own batch's referrer, with half of the fees; a requester's.
    pub refers: bool,
    /// Weights of [`SCORINGS`]; a requester's, in adjudicated batches.
    pub scorings: [u8; SCORINGS.len()],
    /// Whether it pays itself: a batch in a class that admits its own nodes alone; a requester's.
    pub wash: bool,
}

impl Mix {
    /// One act and no other.
    pub fn of(act: Act) -> Self {
        Self(ACTS.map(|one| u8::from(one == act)))
    }

    /// The weight of an act.
    pub fn weight(&self, act: Act) -> u8 {
        self.0.iter().zip(ACTS).filter(|(_, one)| *one == act).map(|(weight, _)| *weight).sum()
    }

    /// Gives an act another weight.
    pub fn set(&mut self, act: Act, weight: u8) {
        self.0.iter_mut().zip(ACTS).filter(|(_, one)| *one == act).for_each(|(now, _)| *now = weight);
    }

    /// The act at a point of 0..2^32.
    pub fn pick(&self, point: u32) -> Act {
        pick(&self.0, point).map_or(Act::Work, |place| ACTS[place])
    }

    /// The answer at a point, where a seat answers.
    pub fn answer(&self, point: u32) -> Act {
        pick(&self.0[..ANSWERS], point).map_or(Act::Work, |place| ACTS[place])
    }
}

impl Seen {
    /// Its place among a strategy's decisions.
    pub const fn place(self) -> usize {
        match self {
            Self::Other => 0,
            Self::Lie => 1,
            Self::Tie => 2,
        }
    }
}

impl Act {
    /// Whether it is an answer of an item.
    pub fn is_answer(self) -> bool {
        ACTS[..ANSWERS].contains(&self)
    }
}

/// The place that a point of 0..2^32 falls on among weights; none where all are zero.
pub fn pick(weights: &[u8], point: u32) -> Option<usize> {
    let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    let mut left = (u64::from(point) * sum) >> 32;
    weights.iter().position(|weight| {
        let here = left < u64::from(*weight);
        left = left.saturating_sub(u64::from(*weight));
        here
    })
}

impl Strategy {
    /// One mix in every seat of round 0 but where all are its own, and one in every seat of an extension.
    pub fn new(name: &str, first: Mix, late: Mix) -> Self {
        Self {
            name: name.to_owned(),
            pace: Pace::Fair,
            first: [[first; 2]; 4],
            whole: Mix::of(Act::Work),
            late: [[late; 3]; 3],
            jury: Mix::of(Act::Work),
            spread: false,
            together: true,
            challenges: [1, 0, 0, 0],
            endings: [1, 0, 0],
            growths: [1, 0, 0],
            refers: false,
            scorings: [1, 0, 0, 0],
            wash: false,
        }
    }

    /// Work in every seat.
    pub fn honest() -> Self {
        Self::new("honest", Mix::of(Act::Work), Mix::of(Act::Work))
    }

    /// Honest work that claims at the same times, at the same fee: what a strategy is measured by.
    pub fn yardstick(&self) -> Self {
        Self { pace: self.pace, refers: self.refers, ..Self::honest() }
    }

    /// Whether only a requester can play it.
    pub fn needs_requester(&self) -> bool {
        let grows = self.growths[1..] != [0, 0] || self.refers;
        self.wash || grows || self.endings[1..] != [0, 0] || self.scorings[1..] != [0, 0, 0]
    }

    /// The mix of a seat of round 0.
    pub fn in_first(&self, Own { place, seats, whole }: Own) -> &Mix {
        if whole {
            return &self.whole;
        }
        let others = usize::from(place > 0 || seats < 2);
        &self.first[seats.clamp(1, self.first.len()) - 1][others]
    }

    /// The mix of a seat of the extension.
    pub fn in_late(&self, own: Own, seen: Seen) -> &Mix {
        &self.late[seen.place()][own.seats.clamp(1, 3) - 1]
    }
}
