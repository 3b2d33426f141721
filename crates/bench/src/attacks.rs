//! What attacks earn. Coalitions play strategies on the contract's own engine, over its own sortition: attacks by name, and what
//! a search among mixtures finds. Beside them stands the table of wrong accepts, of honest errors and coalitions against the
//! tally alone.

mod bounds;
mod contest;
mod named;
mod outcome;
mod play;
mod search;
mod strategy;
mod wrong;

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use anyhow::{anyhow, bail};
use rayon::prelude::*;
use serde::Serialize;

use self::{
    bounds::Claim,
    contest::Contest,
    named::PACES,
    outcome::Outcome,
    play::{LOTS, Orders, Setting},
    search::{Effort, Goal, Reach, Search},
    strategy::Strategy,
    wrong::WrongAccepts,
};

/// Default seed of everything random here.
pub const SEED: u64 = 0x7069_6563_6577_6f72;
/// Tickets of a coalition, percent.
const SHARES: [u32; 3] = [10, 20, 30];
/// Seats of round 0; the first is the default.
const STARTS: [u8; 3] = [3, 2, 5];
/// Extensions: whether they sit, and whether the honest copy in them. The first is the default.
const EXTENSIONS: [(bool, bool); 3] = [(true, false), (true, true), (false, false)];
/// Items of a lot where several are played.
const SEVERAL: u8 = 4;
/// Items of a lot that an adjudicator scores.
const SCORED: u8 = 32;
/// Attacks by name that are played where extensions do not work, too.
const EVERYWHERE: [&str; 7] = ["capture", "lie", "silence", "hold", "copy", "oppose", "tie"];
/// A coalition's cost of work on an item, in R.
const WORK_COST: f64 = 0.3;
/// Lots of a strategy in a quick run.
const QUICK_LOTS: u32 = 320;

/// How much is played.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Lots of each strategy whose figures are shown.
    pub lots: u32,
    /// Only the default terms with 30 % of the tickets, few lots, and no table of wrong accepts.
    pub quick: bool,
    /// Seed of everything random.
    pub seed: u64,
}

/// All figures.
#[derive(Clone, Debug, Serialize)]
pub struct Attacks {
    /// Seed of everything random.
    pub seed: u64,
    /// Lots of each strategy.
    pub lots: u32,
    /// Lots played in all, those of searches and of honest work included.
    pub played_lots: u64,
    /// Lots played a second, on all cores.
    pub lots_per_second: f64,
    /// Cost of work on an item, in its reward.
    pub work_cost: f64,
    /// What each strategy comes to in each setting.
    pub strategies: Vec<Outcome>,
    /// The one that earns most under default terms with working extensions, of those that claim among the others.
    pub worst: Option<Outcome>,
    /// What they say to the protocol's promise.
    pub claims: Vec<Claim>,
    /// Wrong results accepted; left out of a quick run.
    pub wrong_accepts: Option<WrongAccepts>,
}

/// Plays all strategies and searches, over so many lots each, rounded up to whole batches.
///
/// # Errors
/// A call fails, an op is skipped, or a batch does not close.
pub fn measure(Options { lots, quick, seed }: Options) -> anyhow::Result<Attacks> {
    if quick {
        let settings = [false, true].map(|requester| Setting { share: 30, requester, ..setting() });
        return play(&settings, lots.min(QUICK_LOTS), Effort::QUICK, seed);
    }
    let attacks = play(&settings(), lots, Effort::FULL, seed)?;
    Ok(Attacks { wrong_accepts: Some(wrong::measure()), ..attacks })
}

/// Default terms, one item a lot, a tenth of the tickets.
const fn setting() -> Setting {
    Setting {
        start: STARTS[0],
        share: 10,
        requester: false,
        sits: true,
        copiers: false,
        items: 1,
        window: false,
        scored: false,
    }
}

fn settings() -> Vec<Setting> {
    let one = STARTS
        .iter()
        .flat_map(|start| EXTENSIONS.map(|(sits, copiers)| Setting { start: *start, sits, copiers, ..setting() }));
    let others = [
        Setting { items: SEVERAL, ..setting() },
        Setting { window: true, ..setting() },
        Setting { items: SCORED, window: true, scored: true, ..setting() },
    ];
    let all = one.chain(others).flat_map(|at| SHARES.map(|share| Setting { share, ..at }));
    all.flat_map(|at| [false, true].map(|requester| Setting { requester, ..at })).collect()
}

fn play(settings: &[Setting], lots: u32, effort: Effort, seed: u64) -> anyhow::Result<Attacks> {
    let began = Instant::now();
    let batches = lots.div_ceil(LOTS);
    let starts = STARTS.into_par_iter().filter(|start| settings.iter().any(|at| at.start == *start));
    let orders: Vec<_> = starts.map(|start| (start, Orders::draw(seed, start, batches + effort.batches()))).collect();
    let done = AtomicUsize::new(0);
    let runs = settings.par_iter().map(|setting| {
        let orders = orders.iter().find(|(start, _)| *start == setting.start).ok_or_else(|| anyhow!("a start"))?;
        let run = against(setting, &orders.1, batches, effort)?;
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, settings.len(), &run.0);
        anyhow::Ok(run)
    });
    let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
    let played_lots = runs.iter().map(|(_, lots)| lots).sum();
    let strategies: Vec<_> = runs.into_iter().flat_map(|(outcomes, _)| outcomes).collect();
    let default = |of: &&Outcome| of.start == STARTS[0] && of.extension_sits && !of.copiers && !of.window && !of.scored;
    let worst = strategies.iter().filter(default).filter(|of| !PACES.contains(&&*of.name));
    let worst = worst.max_by(|a, b| a.profit_vs_honest_per_lot.total_cmp(&b.profit_vs_honest_per_lot)).cloned();
    let claims = bounds::claims(&strategies);
    let per_second = f64::from(u32::try_from(played_lots).unwrap_or(u32::MAX)) / began.elapsed().as_secs_f64();
    Ok(Attacks {
        seed,
        lots: batches * LOTS,
        played_lots,
        lots_per_second: per_second.round(),
        work_cost: WORK_COST,
        strategies,
        worst,
        claims,
        wrong_accepts: None,
    })
}

#[expect(clippy::print_stderr, reason = "a whole run takes minutes")]
fn progress(done: usize, all: usize, outcomes: &[Outcome]) {
    let most = outcomes.iter().max_by(|a, b| a.profit_vs_honest_per_lot.total_cmp(&b.profit_vs_honest_per_lot));
    if let Some(most) = most {
        eprintln!("attacks: {done} of {all}, {}; most: {most}", most.place());
    }
}

/// All attacks by name of a setting and what its searches find, over the same seats and the same honest answers, and the lots
/// that were played for it.
fn against(setting: &Setting, orders: &Orders, batches: u32, effort: Effort) -> anyhow::Result<(Vec<Outcome>, u64)> {
    let mut contest = Contest::new(*setting, orders)?;
    let named = match (setting.scored, setting.window) {
        (true, _) => named::scored(),
        (false, true) => named::appeals(),
        (false, false) => named::counted(),
    };
    let works = setting.sits && !setting.copiers;
    let played = named.iter().filter(|strategy| works || EVERYWHERE.contains(&strategy.name.as_str()));
    let played = played.filter(|strategy| setting.requester || !strategy.needs_requester());
    let mut outcomes = Vec::new();
    for strategy in played {
        let paced = PACES.contains(&strategy.name.as_str());
        let yardstick = if paced { Strategy::honest() } else { strategy.yardstick() };
        let margins = contest.margins(strategy, &yardstick, 0..batches)?;
        outcomes.push(Outcome::new(setting, strategy, &margins, false));
    }
    for (search, number) in searches(setting, effort).into_iter().zip(1..) {
        // Searches of different settings draw different mixtures.
        let seed = orders.seed ^ number << 40 ^ u64::from(setting.share) << 32 ^ u64::from(setting.start);
        let found = search.run(&mut contest, &named, seed, batches)?;
        let margins = contest.margins(&found, &found.yardstick(), 0..batches)?;
        outcomes.push(Outcome::new(setting, &found, &margins, true));
    }
    Ok((outcomes, contest.lots))
}

/// What is searched for in a setting.
fn searches(setting: &Setting, effort: Effort) -> Vec<Search> {
    let promised = if setting.requester { Reach::Works } else { Reach::Blind };
    let all = [
        (Goal::Profit, promised, setting.sits && setting.start == STARTS[0] && !setting.window),
        (Goal::Profit, Reach::Free, true),
        (Goal::Grief, Reach::Free, setting.sits && setting.start == STARTS[0] && !setting.window),
        (Goal::Spite, Reach::Free, setting.sits && setting.start == STARTS[0] && !setting.scored),
    ];
    let all = all.into_iter().filter(|(.., here)| *here && !setting.copiers);
    all.map(|(goal, reach, _)| Search { goal, reach, effort }).collect()
}

impl Attacks {
    /// Whether every claim holds.
    ///
    /// # Errors
    /// One does not.
    pub fn check(&self) -> anyhow::Result<()> {
        let failed: Vec<_> = self.claims.iter().filter(|claim| !claim.holds).map(|claim| claim.claim).collect();
        if failed.is_empty() { Ok(()) } else { bail!("attacks exceed what ATTACKS.md says: {}", failed.join("; ")) }
    }
}

impl fmt::Display for Attacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Seed {}; {} lots a row, {} in all, {} a second; {} nodes of one ticket, work costs {WORK_COST} R.",
            self.seed,
            self.lots,
            self.played_lots,
            self.lots_per_second,
            play::NODES
        )?;
        writeln!(
            f,
            "Gain over honest work in a copy's pay of a lot; honest loss in % of round 0's pay, each with its standard error;"
        )?;
        writeln!(f, "loss caused per loss suffered.")?;
        let mut last = String::new();
        for of in &self.strategies {
            let place = of.place();
            if last != place {
                writeln!(f, "\n{place}")?;
                last = place;
            }
            writeln!(f, "  {of}")?;
        }
        if let Some(worst) = &self.worst {
            let Outcome { name, share, profit_vs_honest_per_lot: gain, .. } = worst;
            writeln!(f, "\nmost by default: {name} with {share} %, {gain:.4} of a copy's pay a lot")?;
        }
        writeln!(f)?;
        for claim in &self.claims {
            writeln!(f, "{claim}")?;
        }
        self.wrong_accepts.as_ref().map_or(Ok(()), |wrong| write!(f, "\n{wrong}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Few mixtures, and changes enough for a hole of a twentieth of a copy's pay.
    const SMALL: Effort = Effort { mixtures: 8, few: 2, more: 4, changes: 10 };
    /// Lots of what is found.
    const BATCHES: u32 = 8;

    /// What a search finds without the attacks by name, and what it comes to over other lots.
    fn found(setting: Setting, reach: Reach) -> (Strategy, Outcome) {
        let orders = Orders::draw(SEED, setting.start, BATCHES + SMALL.batches());
        let mut contest = Contest::new(setting, &orders).expect("a market");
        let search = Search { goal: Goal::Profit, reach, effort: SMALL };
        let found = search.run(&mut contest, &[], SEED, BATCHES).expect("play");
        let margins = contest.margins(&found, &found.yardstick(), 0..BATCHES).expect("play");
        (found.clone(), Outcome::new(&setting, &found, &margins, true))
    }

    #[test]
    fn search__should_find_what_a_requester_gains_where_no_extension_sits() {
        // Given a market whose hole is known: an exact model gains 0.34 with 30 % of the tickets.
        let setting = Setting { share: 30, requester: true, sits: false, ..setting() };

        // When mixtures are searched that do nothing in a round 0 of their own, nor in extensions.
        let (_, outcome) = found(setting, Reach::Works);

        // Then most of it is found, and no more than there is.
        let gain = outcome.profit();
        assert!(gain.mean > 0.2 && !gain.exceeds(0.34), "{outcome:?}");
    }

    #[test]
    fn search__should_find_the_lie_that_all_seats_of_round_0_allow() {
        // Given a coalition that has a fifth of all tables, where no copy disputes it.
        let setting = Setting { share: 60, sits: false, ..setting() };

        // When mixtures are searched that may do anything there.
        let (found, outcome) = found(setting, Reach::Whole);

        // Then the one that is found saves the work, and it shows as a gain that work does not have.
        assert_eq!(found.whole.weight(strategy::Act::Work), 0, "{found:?}");
        assert!(outcome.profit().mean > 3.0 * outcome.profit().error, "{outcome:?}");
    }

    #[test]
    fn attacks__should_keep_their_bounds() {
        let attacks = measure(Options { lots: QUICK_LOTS, quick: true, seed: SEED }).expect("play");
        attacks.check().expect("bounds");
        assert!(attacks.claims.len() >= 5, "{:?}", attacks.claims);
    }

    #[test]
    fn attacks__should_repeat_by_their_seed() {
        let figures = |seed| {
            let effort = Effort { mixtures: 2, few: 1, more: 1, changes: 1 };
            let attacks = play(&[Setting { items: SEVERAL, sits: false, ..setting() }], 1, effort, seed).expect("play");
            serde_json::to_string(&attacks.strategies).expect("json")
        };
        let first = figures(1);
        assert_eq!(first, figures(1));
        assert_ne!(first, figures(2));
    }
}
