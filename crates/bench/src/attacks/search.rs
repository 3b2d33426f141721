//! The search for the strategy that earns most: random mixtures over few lots, the better ones over more, and from the best
//! one change after another.

use std::ops::Range;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde::Serialize;

use super::{
    contest::{Contest, Estimate, Margin},
    play::Setting,
    strategy::{ACTS, Act, Mix, Pace, Seen, Strategy},
};

/// When a coalition may claim.
const PACES: [Pace; 4] = [Pace::Fair, Pace::Early, Pace::Late, Pace::Mixed];
/// Places of what round 0 shows in a strategy.
const OTHER: usize = Seen::Other.place();
const LIE: usize = Seen::Lie.place();
const TIE: usize = Seen::Tie.place();

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
    /// Batches of a first try; those that stay have twice as many.
    pub few: u32,
    /// Batches of a change that looks good, and twice as many of those strategies of which one is chosen.
    pub more: u32,
    /// Changes that look best, from each beginning; a third as many random ones follow.
    pub changes: usize,
}

/// A decision that a change turns.
#[derive(Clone, Copy, Debug)]
enum Knob {
    /// Seats of round 0 by how many are its own: the first, the others, or all of them.
    First(usize, Option<usize>),
    Whole,
    /// Seats of an extension by what round 0 shows, and by how many are its own.
    Late(usize, usize),
    Jury,
    Pace,
    Spread,
    Together,
    Challenges,
    Endings,
    Growths,
    Refers,
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
    pub const FULL: Self = Self { mixtures: 16, few: 2, more: 6, changes: 12 };
    /// Of a quick one.
    pub const QUICK: Self = Self { mixtures: 8, few: 1, more: 2, changes: 6 };

    /// Batches that a search plays.
    pub const fn batches(self) -> u32 {
        2 * self.few + 3 * self.more
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
    /// The best strategy found in batches from this number on, [`Effort::batches`] of them. `named` are tried, too.
    ///
    /// # Errors
    /// A call fails, an op is skipped, or a batch does not close.
    pub fn run(&self, contest: &mut Contest<'_>, named: &[Strategy], seed: u64, from: u32) -> anyhow::Result<Strategy> {
        let Effort { mixtures, few, more, .. } = self.effort;
        let setting = contest.setting;
        let mut random = StdRng::seed_from_u64(seed);
        let admitted = |strategy: &&Strategy| {
            // Wash work needs no search: it pays the fee, and takes part in nothing else.
            self.reach.admits(strategy) && !strategy.wash && (setting.requester || !strategy.needs_requester())
        };
        let mut tried: Vec<_> = named.iter().filter(admitted).cloned().collect();
        tried.extend((0..mixtures).map(|_| self.mixture(&setting, &mut random)));
        for batches in [few, 2 * few] {
            tried = self.better(contest, tried, from..from + batches)?;
        }
        tried.truncate(1);
        tried.push(Strategy::honest());
        let mut ends = tried.clone();
        for begin in tried {
            ends.push(self.climb(contest, begin, from, &mut random)?);
        }
        // The best of a sample is better than it is: they are compared over other lots than those that chose them.
        let check = from + 2 * few + more;
        let mut found = self.better(contest, ends, check..check + 2 * more)?;
        Ok(Strategy { name: self.name().to_owned(), ..found.remove(0) })
    }

    /// Turns one decision after another as long as that gains: all of them are tried over few lots, those that look best, and
    /// random mixtures, over more.
    fn climb(
        &self,
        contest: &mut Contest<'_>,
        begin: Strategy,
        from: u32,
        random: &mut StdRng,
    ) -> anyhow::Result<Strategy> {
        let Effort { few, more, changes, .. } = self.effort;
        let setting = contest.setting;
        let first = self.figures(contest, &begin, from..from + few)?;
        let mut turns = Vec::new();
        let lies = begin.first.as_flattened().iter().any(|mix| mix.weight(Act::Lie) > 0);
        // Round 0 shows the coalition's lie only where it lies.
        let shown = |knob: &Knob| lies || !matches!(knob, Knob::Late(LIE, _));
        for knob in self.knobs(&setting).into_iter().filter(shown) {
            for (place, turned) in self.turns(&begin, knob).into_iter().enumerate().filter(|(_, one)| *one != begin) {
                let figures = self.figures(contest, &turned, from..from + few)?;
                let rise = rise(&figures, &first).mean;
                if rise > 0.0 {
                    turns.push((rise, knob, place));
                }
            }
        }
        turns.sort_by(|a, b| b.0.total_cmp(&a.0));
        let batches = from + 2 * few..from + 2 * few + more;
        let mut taken = begin;
        let mut figures = self.figures(contest, &taken, batches.clone())?;
        let mut attempt = |taken: &mut Strategy, turned: Strategy| {
            let other = self.figures(contest, &turned, batches.clone())?;
            let rise = rise(&other, &figures);
            if rise.mean > rise.error {
                (*taken, figures) = (turned, other);
            }
            anyhow::Ok(())
        };
        for (_, knob, place) in turns.into_iter().take(changes) {
            let turned = self.turns(&taken, knob).swap_remove(place);
            attempt(&mut taken, turned)?;
        }
        for _ in 0..changes / 3 {
            let mut turned = taken.clone();
            if let Some(knob) = self.knobs(&setting).choose(random) {
                self.turn(&mut turned, *knob, random);
            }
            attempt(&mut taken, turned)?;
        }
        Ok(taken)
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
        let mut strategy = Strategy::honest();
        for knob in self.knobs(setting) {
            if random.random_ratio(2, 5) {
                self.turn(&mut strategy, knob, random);
            }
        }
        strategy
    }

    /// The decisions that matter in a setting.
    fn knobs(&self, setting: &Setting) -> Vec<Knob> {
        let mut knobs = vec![Knob::Pace, Knob::Together, Knob::First(0, Some(1))];
        let several = 1..usize::from(setting.start).saturating_sub(1);
        knobs.extend(several.flat_map(|own| [None, Some(0), Some(1)].map(|seats| Knob::First(own, seats))));
        if self.reach == Reach::Whole {
            knobs.push(Knob::Whole);
        }
        if setting.window {
            knobs.extend([Knob::Jury, Knob::Challenges]);
        }
        if !setting.scored && setting.sits && self.reach != Reach::Works {
            let seats = if self.reach == Reach::Blind { 2 } else { 3 };
            knobs.extend([OTHER, LIE].into_iter().flat_map(|seen| (0..seats).map(move |own| Knob::Late(seen, own))));
            knobs.push(Knob::Late(TIE, 0));
        }
        if setting.items > 1 {
            knobs.push(Knob::Spread);
        }
        if setting.requester {
            knobs.extend(if setting.scored {
                vec![Knob::Scorings]
            } else {
                vec![Knob::Endings, Knob::Growths, Knob::Refers]
            });
        }
        knobs
    }

    /// The strategy with each pure choice of a decision.
    fn turns(&self, of: &Strategy, knob: Knob) -> Vec<Strategy> {
        let change = |change: &dyn Fn(&mut Strategy)| {
            let mut strategy = of.clone();
            change(&mut strategy);
            strategy
        };
        match knob {
            Knob::First(..) | Knob::Whole | Knob::Late(..) | Knob::Jury => {
                let acts = self.acts(matches!(knob, Knob::Late(..) | Knob::Jury));
                acts.into_iter().map(|act| change(&|strategy| set(strategy, knob, Mix::of(act)))).collect()
            }
            Knob::Pace => PACES.map(|pace| change(&|strategy| strategy.pace = pace)).into(),
            Knob::Spread => vec![change(&|strategy| strategy.spread = !strategy.spread)],
            Knob::Together => vec![change(&|strategy| strategy.together = !strategy.together)],
            Knob::Challenges => ones().map(|ones| change(&|strategy| strategy.challenges = ones)).into(),
            Knob::Endings => ones().map(|ones| change(&|strategy| strategy.endings = ones)).into(),
            Knob::Growths => ones().map(|ones| change(&|strategy| strategy.growths = ones)).into(),
            Knob::Refers => vec![change(&|strategy| strategy.refers = !strategy.refers)],
            Knob::Scorings => ones().map(|ones| change(&|strategy| strategy.scorings = ones)).into(),
        }
    }

    /// A random choice of a decision.
    fn turn(&self, strategy: &mut Strategy, knob: Knob, random: &mut StdRng) {
        match knob {
            Knob::First(..) | Knob::Whole => set(strategy, knob, self.mix(false, random)),
            Knob::Late(..) | Knob::Jury => set(strategy, knob, self.mix(true, random)),
            Knob::Pace => strategy.pace = *PACES.choose(random).unwrap_or(&Pace::Fair),
            Knob::Spread => strategy.spread = !strategy.spread,
            Knob::Together => strategy.together = !strategy.together,
            Knob::Challenges => strategy.challenges = weights(random),
            Knob::Endings => strategy.endings = weights(random),
            Knob::Growths => strategy.growths = weights(random),
            Knob::Refers => strategy.refers = !strategy.refers,
            Knob::Scorings => strategy.scorings = weights(random),
        }
    }

    /// Acts of a seat; `late`: what round 0 shows can be answered, too.
    fn acts(&self, late: bool) -> Vec<Act> {
        let looks = late && self.reach != Reach::Blind;
        ACTS.into_iter().filter(|act| looks || ![Act::Copy, Act::Oppose].contains(act)).collect()
    }

    /// One act, or several by random weights.
    fn mix(&self, late: bool, random: &mut StdRng) -> Mix {
        let acts = self.acts(late);
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

/// Puts a mix where the decision is made.
fn set(strategy: &mut Strategy, knob: Knob, mix: Mix) {
    match knob {
        Knob::First(own, Some(seats)) => strategy.first[own][seats] = mix,
        Knob::First(own, None) => strategy.first[own] = [mix; 2],
        Knob::Whole => strategy.whole = mix,
        Knob::Late(seen, own) => strategy.late[seen][own] = mix,
        Knob::Jury => strategy.jury = mix,
        Knob::Pace
        | Knob::Spread
        | Knob::Together
        | Knob::Challenges
        | Knob::Endings
        | Knob::Growths
        | Knob::Refers
        | Knob::Scorings => {}
    }
}

/// How much the first come to beyond the second, batch by batch.
fn rise(figures: &[f64], now: &[f64]) -> Estimate {
    Estimate::of(figures.iter().zip(now).map(|(figure, now)| figure - now))
}

/// Each choice alone.
fn ones<const N: usize>() -> [[u8; N]; N] {
    core::array::from_fn(|place| core::array::from_fn(|one| u8::from(one == place)))
}

/// One of them, or several by random weights.
fn weights<const N: usize>(random: &mut StdRng) -> [u8; N] {
    let one = random.random_range(0..N);
    let several = random.random_ratio(1, 3);
    core::array::from_fn(|place| if several { random.random_range(0..=3) } else { u8::from(place == one) })
}
