//! What attacks earn. Coalitions play strategies on the contract's own engine, over its own sortition; beside them stands
//! the table of wrong accepts, of honest errors and coalitions against the tally alone.

mod play;
mod strategy;
mod wrong;

use std::{fmt, thread};

use anyhow::anyhow;
use rand::{SeedableRng, rngs::StdRng};
use serde::Serialize;

use self::{
    play::{LOTS, Orders, Play, REWARD, Setting, Sums},
    strategy::{Beside, Strategy},
    wrong::WrongAccepts,
};

/// Seed of everything random here.
const SEED: u64 = 0x7069_6563_6577_6f72;
/// Tickets of a coalition, percent.
const SHARES: [u32; 3] = [10, 20, 30];
/// Seats of round 0; the first is the default.
const STARTS: [u8; 3] = [3, 2, 5];
/// Extensions: whether they sit, and whether the honest copy in them. The first is the default.
const EXTENSIONS: [(bool, bool); 3] = [(true, false), (true, true), (false, false)];
/// Strategies that are played where extensions do not work, too.
const EVERYWHERE: [&str; 6] = ["capture", "lie", "silence", "hold", "copy", "tie"];
/// Honest work in more seats, because the coalition is always the fastest.
const FASTER: &str = "early";
/// A coalition's cost of work on an item, in R.
const WORK_COST: f64 = 0.3;

/// All figures.
#[derive(Clone, Debug, Serialize)]
pub struct Attacks {
    /// Lots per strategy, of one item each.
    pub lots: u32,
    /// Cost of work on an item, in its reward.
    pub work_cost: f64,
    /// What each strategy comes to in each setting.
    pub strategies: Vec<Outcome>,
    /// The one that earns most under default terms with working extensions, of those that act in the honest one's seats.
    pub worst: Option<Outcome>,
    /// Wrong results accepted; left out of a quick run.
    pub wrong_accepts: Option<WrongAccepts>,
}

/// What a strategy comes to. Money is in units of a copy's pay, slashes counted at par.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Name.
    pub name: String,
    /// Tickets of the coalition, percent.
    pub share: u32,
    /// Whether the requester is in the coalition.
    pub requester: bool,
    /// Seats of round 0.
    pub start: u8,
    /// Whether anyone takes seats of extensions.
    pub extension_sits: bool,
    /// Whether the honest copy the largest group in extensions.
    pub copiers: bool,
    /// What the coalition earns a lot more than by honest work in the same seats; of wash work, more than nothing.
    pub profit_vs_honest_per_lot: f64,
    /// Standard error of that, from batch to batch.
    pub noise: f64,
    /// What honest slots lose by it, beyond what they lose beside honest work, as a part of the pay of round 0.
    pub honest_loss_share: f64,
    /// That loss for each unit that the coalition loses; 0 if it loses nothing beyond twice the noise.
    pub loss_caused_per_loss_suffered: f64,
}

/// Plays all strategies over so many lots each, rounded up to whole batches.
///
/// # Errors
/// A call fails, an op is skipped, or a batch does not close.
pub fn measure(lots: u32) -> anyhow::Result<Attacks> {
    let settings = STARTS.iter().flat_map(|start| EXTENSIONS.map(|extension| (*start, extension)));
    let settings = settings.flat_map(|at| SHARES.map(|share| (at, share)));
    let settings = settings.flat_map(|at| [false, true].map(|requester| (at, requester)));
    let settings: Vec<_> = settings
        .map(|(((start, (sits, copiers)), share), requester)| Setting { start, share, requester, sits, copiers })
        .collect();
    Ok(Attacks { wrong_accepts: Some(wrong::measure()), ..play(&settings, lots)? })
}

fn play(settings: &[Setting], lots: u32) -> anyhow::Result<Attacks> {
    let lots = lots.next_multiple_of(LOTS);
    let orders: Vec<_> = STARTS.iter().map(|start| (*start, Orders::draw(*start, lots))).collect();
    let strategies = strategy::all(&mut StdRng::seed_from_u64(SEED));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let parts = thread::scope(|scope| {
        let part = |from: usize| settings.iter().skip(from).step_by(threads);
        let run = |from| {
            let (orders, strategies) = (&orders, &strategies);
            scope.spawn(move || {
                let mut outcomes = Vec::new();
                for setting in part(from) {
                    let orders = orders.iter().find(|(start, _)| *start == setting.start);
                    outcomes.extend(against(setting, strategies, lots, &orders.ok_or_else(|| anyhow!("a start"))?.1)?);
                }
                Ok(outcomes)
            })
        };
        let runs: Vec<_> = (0..threads).map(run).collect();
        let joined = runs.into_iter().map(|run| run.join().map_err(|_| anyhow!("a thread panicked"))?);
        joined.collect::<anyhow::Result<Vec<Vec<Outcome>>>>()
    })?;
    let mut strategies = parts.concat();
    strategies
        .sort_by_key(|of| (!of.extension_sits, of.copiers, of.start != STARTS[0], of.start, of.requester, of.share));
    let worst = strategies.iter().filter(|of| of.is_default() && of.name != FASTER);
    let worst = worst.max_by(|a, b| a.profit_vs_honest_per_lot.total_cmp(&b.profit_vs_honest_per_lot)).cloned();
    Ok(Attacks { lots, work_cost: WORK_COST, strategies, worst, wrong_accepts: None })
}

/// All strategies of a setting, over the same seats and the same honest answers.
fn against(setting: &Setting, all: &[Strategy], lots: u32, orders: &Orders) -> anyhow::Result<Vec<Outcome>> {
    let mut play = Play::new(*setting)?;
    let mut batches = |strategy: &Strategy| -> anyhow::Result<Vec<Sums>> {
        (0..lots / LOTS).map(|batch| play.batch(strategy, batch * LOTS, orders)).collect()
    };
    let honest = batches(&Strategy::honest())?;
    let works = setting.sits && !setting.copiers;
    let played = all.iter().filter(|strategy| works || EVERYWHERE.contains(&strategy.name.as_str()));
    let played = played.filter(|strategy| setting.requester || !strategy.needs_requester());
    played.map(|strategy| Ok(outcome(setting, strategy, &batches(strategy)?, &honest))).collect()
}

fn outcome(setting: &Setting, strategy: &Strategy, sums: &[Sums], honest: &[Sums]) -> Outcome {
    let wash = strategy.beside == Beside::Wash;
    let lot = units(i64::from(LOTS));
    let base = |honest: &Sums| if wash { Sums::default() } else { *honest };
    let gains: Vec<_> =
        sums.iter().zip(honest).map(|(sum, honest)| units(sum.profit - base(honest).profit) / lot).collect();
    let losses: f64 = sums.iter().zip(honest).map(|(sum, honest)| units(sum.lost - base(honest).lost) / lot).sum();
    let count = units(i64::try_from(gains.len()).unwrap_or(i64::MAX));
    let (gain, loss) = (gains.iter().sum::<f64>() / count, losses / count);
    let variance = gains.iter().map(|one| (one - gain) * (one - gain)).sum::<f64>() / (count - 1.0).max(1.0);
    let noise = (variance / count).sqrt();
    let reward = f64::from(REWARD);
    let due = f64::from(setting.start) * reward * f64::from(100 - setting.share) / 100.0;
    Outcome {
        name: strategy.name.clone(),
        share: setting.share,
        requester: setting.requester,
        start: setting.start,
        extension_sits: setting.sits,
        copiers: setting.copiers,
        profit_vs_honest_per_lot: gain / reward,
        noise: noise / reward,
        honest_loss_share: if wash { 0.0 } else { loss / due },
        loss_caused_per_loss_suffered: if gain < -2.0 * noise && loss > 0.0 && !wash { loss / -gain } else { 0.0 },
    }
}

/// Sums of a batch fit 32 bits.
fn units(sum: i64) -> f64 {
    f64::from(i32::try_from(sum).unwrap_or(i32::MAX))
}

impl Outcome {
    const fn is_default(&self) -> bool {
        self.start == STARTS[0] && self.extension_sits && !self.copiers
    }
}

impl fmt::Display for Attacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} lots of one item a row, {} nodes of one ticket, work costs {WORK_COST} R.",
            self.lots,
            play::NODES
        )?;
        writeln!(
            f,
            "Gain over honest work and its noise in R a lot; honest loss in % of round 0's pay; loss caused per loss suffered."
        )?;
        let mut last = None;
        for of in &self.strategies {
            let at = (of.start, of.extension_sits, of.copiers, of.requester, of.share);
            if last != Some(at) {
                let extension = match (of.extension_sits, of.copiers) {
                    (false, _) => "no extension sits",
                    (true, true) => "the honest copy in extensions",
                    (true, false) => "extensions work",
                };
                let with = if of.requester { " with the requester" } else { "" };
                writeln!(f, "\nstart {}, {extension}, {} %{with}", of.start, of.share)?;
                last = Some(at);
            }
            let (gain, noise, loss) = (of.profit_vs_honest_per_lot, of.noise, 100.0 * of.honest_loss_share);
            writeln!(
                f,
                "  {:<20} {gain:>8.3} ± {noise:.3} {loss:>7.2} % {:>6.2}",
                of.name, of.loss_caused_per_loss_suffered
            )?;
        }
        if let Some(worst) = &self.worst {
            let Outcome { name, share, profit_vs_honest_per_lot: gain, .. } = worst;
            writeln!(f, "\nmost by default: {name} with {share} %, {gain:.3} R a lot")?;
        }
        self.wrong_accepts.as_ref().map_or(Ok(()), |wrong| write!(f, "\n{wrong}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lots of the quick run.
    const QUICK: u32 = 320;

    #[test]
    fn attacks__should_earn_less_than_honest_work_and_cost_more_than_they_destroy() {
        // Given coalitions under default terms whose extensions work.
        let setting = |share, requester| Setting { start: STARTS[0], share, requester, sits: true, copiers: false };
        let settings = SHARES.map(|share| setting(share, false)).into_iter().chain([setting(30, true)]);

        // When they play everything over a few hundred lots.
        let attacks = play(&settings.collect::<Vec<_>>(), QUICK).expect("play");

        // Then nothing without all seats of round 0 earns more than honest work, beyond the noise: but for copying in
        // extensions, which saves the work, and for speed, which takes seats.
        let known = |of: &&Outcome| ["capture", "copy", FASTER].contains(&of.name.as_str());
        for of in attacks.strategies.iter().filter(|of| !known(of)) {
            assert!(of.profit_vs_honest_per_lot <= 3.0 * of.noise + 0.005, "{of:?}");
        }
        for of in &attacks.strategies {
            // And those earn the coalition hundredths of a copy's pay.
            let bound = if of.name == FASTER { 0.15 } else { 0.05 };
            assert!(of.profit_vs_honest_per_lot <= bound, "{of:?}");
            // And honest slots lose what the exact best responses say at most, and a griefer more than it destroys.
            let bound = match of.share {
                10 => 0.03,
                20 => 0.08,
                _ => 0.18,
            };
            assert!(of.honest_loss_share <= bound, "{of:?}");
            assert!(of.requester || of.loss_caused_per_loss_suffered < 1.0, "{of:?}");
        }
    }
}
