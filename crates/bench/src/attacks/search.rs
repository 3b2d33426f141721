//! The search for the strategy that earns most: random mixtures over few lots, the better ones over more, and from the best
//! one change after another.

use std::ops::Range;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde::Serialize;

use super::{
    contest::{Contest, Estimate, Margin},
    play::Setting,
    strategy::{ACTS, Act, Mix, Pace, Strategy},
};

/// What a search looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The coalition's gain.
    Profit,
    /// The loss of honest slots.
    Grief,
    /// That loss, less what the coalition loses itself.
    Spite,
}

/// What a strategy may do without all seats of round 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Anything in round 0, and work in extensions.
    Works,
    /// Also anything in extensions but answers that round 0 shows, and all seats of an extension.
    Blind,
    /// Anything in extensions.
    Free,
    /// Anything where all seats of round 0 are its own, too.
    Whole,
}

/// How long a search takes.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Random mixtures beside the attacks by name.
    pub mixtures: usize,
    /// Batches of their first try; those that stay have twice as many.
    pub batches: u32,
    /// Changes that are tried, from each of two beginnings.
    pub changes: usize,
    /// Batches of each of them, and twice as many of those that were taken.
    pub change_batches: u32,
}

/// Knobs that a change turns.
#[derive(Clone, Copy, Debug)]
enum Knob {
    First(usize, usize),
    Whole,
    Late(usize, usize),
    Jury,
    Pace,
    Spread,
    Together,
    Window,
    Challenges,
    Endings,
    Scorings,
}

/// A search: what for, among which strategies.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// What it looks for.
    pub goal: Goal,
    /// What its strategies may do.
    pub reach: Reach,
    /// How long it takes.
    pub effort: Effort,
}

impl Effort {
    /// Of a whole run.
    pub const FULL: Self = Self { mixtures: 32, batches: 2, changes: 28, change_batches: 6 };
    /// Of a quick one.
    pub const QUICK: Self = Self { mixtures: 8, batches: 1, changes: 12, change_batches: 2 };

    /// Batches that a search plays.
    pub const fn all_batches(self) -> u32 {
        let (tries, changes) = (self.batches * 2, self.change_batches * 3);
        if tries > changes { tries } else { changes }
    }
}

impl Goal {
    fn of(self, margin: &Margin) -> f64 {
        match self {
            Self::Profit => margin.gain,
            Self::Grief => margin.loss,
            Self::Spite => margin.loss + margin.gain,
        }
    }
}

impl Reach {
    /// The least that a strategy needs.
    pub fn of(strategy: &Strategy) -> Self {
        let reaches = [Self::Works, Self::Blind, Self::Free];
        reaches.into_iter().find(|reach| reach.admits(strategy)).unwrap_or(Self::Whole)
    }

    /// Whether the strategy keeps to it in a setting.
    pub fn admits(self, strategy: &Strategy) -> bool {
        let works = Mix::of(Act::Work);
        let looks = |mix: &Mix| [Act::Copy, Act::Oppose].iter().any(|act| mix.weight(*act) > 0);
        let late = strategy.late.as_flattened();
        (self == Self::Whole || strategy.whole == works)
            && match self {
                Self::Works => late.iter().all(|mix| *mix == works),
                Self::Blind => !late.iter().any(looks) && strategy.late.iter().all(|[.., all]| *all == works),
                Self::Free | Self::Whole => true,
            }
    }
}

impl Search {
    /// The best strategy found in batches of these numbers, of which there are [`Effort::all_batches`]. `named` are tried, too.
    ///
    /// # Errors
    /// A call fails, an op is skipped, or a batch does not close.
    pub fn run(
        &self,
        contest: &mut Contest<'_>,
        named: &[Strategy],
        seed: u64,
        batches: &Range<u32>,
    ) -> anyhow::Result<Strategy> {
        let Effort { mixtures, batches: few, changes, change_batches: more } = self.effort;
        let setting = contest.setting;
        let mut random = StdRng::seed_from_u64(seed);
        let admitted = |strategy: &&Strategy| {
            // Wash work needs no search: it pays the fee, and takes part in nothing else.
            self.reach.admits(strategy) && !strategy.wash && (setting.requester || !strategy.needs_requester())
        };
        let mut tried: Vec<_> = named.iter().filter(admitted).cloned().collect();
        tried.extend((0..mixtures).map(|_| self.mixture(&setting, &mut random)));
        let from = batches.start;
        for count in [few, 2 * few] {
            tried = self.better(contest, tried, from..from + count)?;
        }
        tried.truncate(2);
        tried.push(Strategy { window: setting.scored, ..Strategy::honest() });
        let (mut taken, mut figures) = (tried.remove(0), Vec::new());
        let seconds = [tried.pop(), tried.pop()];
        let climbs = from..from + more;
        let check = from + more..from + 3 * more;
        let mut ends = Vec::new();
        for begin in [Some(taken.clone()), seconds[0].clone()].into_iter().flatten() {
            taken = begin;
            figures.clear();
            figures.extend(self.figures(contest, &taken, climbs.clone())?);
            for _ in 0..changes {
                let changed = self.change(&taken, &setting, &mut random);
                let other = self.figures(contest, &changed, climbs.clone())?;
                let rise = Estimate::of(other.iter().zip(&figures).map(|(other, now)| other - now));
                if rise.mean > rise.error {
                    (taken, figures) = (changed, other);
                }
            }
            ends.push(taken.clone());
        }
        ends.extend(seconds.into_iter().flatten());
        // The best of a sample is better than it is: they are compared over other lots than those that chose them.
        let mut found = self.better(contest, ends, check)?;
        Ok(Strategy { name: self.name().to_owned(), ..found.remove(0) })
    }

    /// The strategies' name.
    pub const fn name(&self) -> &'static str {
        match (self.goal, self.reach) {
            (Goal::Profit, Reach::Works) => "search: round 0",
            (Goal::Profit, Reach::Blind) => "search: blind",
            (Goal::Profit, Reach::Free) => "search: free",
            (Goal::Profit, Reach::Whole) => "search: whole",
            (Goal::Grief, _) => "search: grief",
            (Goal::Spite, _) => "search: spite",
        }
    }

    fn figures(&self, contest: &mut Contest<'_>, of: &Strategy, batches: Range<u32>) -> anyhow::Result<Vec<f64>> {
        Ok(contest.margins(of, &of.yardstick(), batches)?.iter().map(|margin| self.goal.of(margin)).collect())
    }

    /// The better half of them, the best first.
    fn better(
        &self,
        contest: &mut Contest<'_>,
        all: Vec<Strategy>,
        batches: Range<u32>,
    ) -> anyhow::Result<Vec<Strategy>> {
        let measured = all.into_iter().map(|strategy| {
            let figures = self.figures(contest, &strategy, batches.clone())?;
            Ok((Estimate::of(figures.into_iter()).mean, strategy))
        });
        let mut measured = measured.collect::<anyhow::Result<Vec<_>>>()?;
        measured.sort_by(|a, b| b.0.total_cmp(&a.0));
        let half = measured.len().div_ceil(2);
        Ok(measured.into_iter().take(half).map(|(_, strategy)| strategy).collect())
    }

    /// A random mixture: each knob is turned or left at honest work.
    fn mixture(&self, setting: &Setting, random: &mut StdRng) -> Strategy {
        let mut strategy = Strategy { window: setting.scored, ..Strategy::honest() };
        for knob in self.knobs(setting) {
            if random.random_ratio(2, 5) {
                self.turn(&mut strategy, knob, random);
            }
        }
        strategy
    }

    fn change(&self, of: &Strategy, setting: &Setting, random: &mut StdRng) -> Strategy {
        let mut strategy = of.clone();
        if let Some(knob) = self.knobs(setting).choose(random) {
            self.turn(&mut strategy, *knob, random);
        }
        strategy
    }

    /// The knobs that matter in a setting.
    fn knobs(&self, setting: &Setting) -> Vec<Knob> {
        let mut knobs = vec![Knob::Pace, Knob::Together, Knob::Jury, Knob::Challenges];
        for own in 0..usize::from(setting.start - 1) {
            knobs.extend((0..2).filter(|others| own > 0 || *others == 1).map(|others| Knob::First(own, others)));
        }
        if self.reach == Reach::Whole {
            knobs.push(Knob::Whole);
        }
        if !setting.scored {
            knobs.push(Knob::Window);
            if setting.sits && self.reach != Reach::Works {
                let seats = if self.reach == Reach::Blind { 2 } else { 3 };
                knobs.extend((0..3).flat_map(|seen| (0..seats).map(move |own| Knob::Late(seen, own))));
            }
        }
        if setting.items > 1 {
            knobs.push(Knob::Spread);
        }
        if setting.requester {
            knobs.push(if setting.scored { Knob::Scorings } else { Knob::Endings });
        }
        knobs
    }

    fn turn(&self, strategy: &mut Strategy, knob: Knob, random: &mut StdRng) {
        match knob {
            Knob::First(own, others) => strategy.first[own][others] = self.mix(false, random),
            Knob::Whole => strategy.whole = self.mix(false, random),
            Knob::Late(seen, own) => strategy.late[seen][own] = self.mix(self.reach != Reach::Blind, random),
            Knob::Jury => strategy.jury = self.mix(true, random),
            Knob::Pace => {
                let paces = [Pace::Fair, Pace::Early, Pace::Late, Pace::Mixed];
                strategy.pace = *paces.choose(random).unwrap_or(&Pace::Fair);
            }
            Knob::Spread => strategy.spread = !strategy.spread,
            Knob::Together => strategy.together = !strategy.together,
            Knob::Window => strategy.window = !strategy.window,
            Knob::Challenges => strategy.challenges = weights(random),
            Knob::Endings => strategy.endings = weights(random),
            Knob::Scorings => strategy.scorings = weights(random),
        }
    }

    /// One act, or several by random weights; `looks`: also answers that round 0 shows.
    fn mix(&self, looks: bool, random: &mut StdRng) -> Mix {
        let acts: Vec<_> = ACTS.into_iter().filter(|act| looks || ![Act::Copy, Act::Oppose].contains(act)).collect();
        let one = *acts.choose(random).unwrap_or(&Act::Work);
        if random.random_ratio(2, 3) {
            return Mix::of(one);
        }
        let mut mix = Mix::of(Act::Work);
        for act in acts.choose_multiple(random, 3) {
            mix.set(*act, random.random_range(0..=4));
        }
        mix
    }
}

/// One of them, or several by random weights.
fn weights<const N: usize>(random: &mut StdRng) -> [u8; N] {
    let one = random.random_range(0..N);
    let several = random.random_ratio(1, 3);
    core::array::from_fn(|place| if several { random.random_range(0..=3) } else { u8::from(place == one) })
}
