//! Strategies of one setting against honest work over the same lots.

use std::{collections::BTreeMap, ops::Range};

use super::{
    play::{LOTS, Orders, Play, REWARD, Setting, Sums},
    strategy::{Pace, Strategy},
};

/// What a strategy comes to in a batch beyond honest work, per lot, in units of a copy's pay of the lot.
#[derive(Clone, Copy, Debug, Default)]
pub struct Margin {
    /// The coalition's gain.
    pub gain: f64,
    /// What honest slots lose.
    pub loss: f64,
    /// What is due to those of round 0.
    pub due: f64,
}

/// A mean, and its standard error from batch to batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Its standard error.
    pub error: f64,
}

/// A setting's play, with the honest work that strategies are measured by.
pub struct Contest<'a> {
    /// The setting.
    pub setting: Setting,
    play: Play<'a>,
    honest: BTreeMap<(Pace, bool, u32), Sums>,
    /// Lots played.
    pub lots: u64,
}

impl Estimate {
    /// Of independent figures.
    pub fn of(figures: impl Iterator<Item = f64>) -> Self {
        let figures: Vec<_> = figures.collect();
        let count = units(i64::try_from(figures.len()).unwrap_or(i64::MAX)).max(1.0);
        let mean = figures.iter().sum::<f64>() / count;
        let variance = figures.iter().map(|one| (one - mean) * (one - mean)).sum::<f64>() / (count - 1.0).max(1.0);
        Self { mean, error: (variance / count).sqrt() }
    }

    /// Whether it is above a limit by more than three standard errors.
    pub fn exceeds(&self, limit: f64) -> bool {
        self.mean > limit + 3.0 * self.error + f64::EPSILON
    }
}

impl<'a> Contest<'a> {
    /// A new market of the setting.
    ///
    /// # Errors
    /// A call fails.
    pub fn new(setting: Setting, orders: &'a Orders) -> anyhow::Result<Self> {
        Ok(Self { setting, play: Play::new(setting, orders)?, honest: BTreeMap::new(), lots: 0 })
    }

    /// What a strategy comes to beyond its yardstick in batches of these numbers. Wash work is measured by no work.
    ///
    /// # Errors
    /// A call fails, an op is skipped, or a batch does not close.
    pub fn margins(
        &mut self,
        strategy: &Strategy,
        yardstick: &Strategy,
        batches: Range<u32>,
    ) -> anyhow::Result<Vec<Margin>> {
        let lot = units(i64::from(LOTS * REWARD * u32::from(self.setting.items)));
        let margin = |batch| {
            let key = (yardstick.pace, yardstick.refers, batch);
            let honest = match self.honest.get(&key) {
                _ if strategy.wash => Sums::default(),
                Some(honest) => *honest,
                None => {
                    let honest = self.batch(yardstick, batch)?;
                    self.honest.insert(key, honest);
                    honest
                }
            };
            let sums = self.batch(strategy, batch)?;
            let loss = if strategy.wash { 0 } else { sums.lost - honest.lost };
            Ok(Margin {
                gain: units(sums.profit - honest.profit) / lot,
                loss: units(loss) / lot,
                due: units(sums.due) / lot,
            })
        };
        batches.map(margin).collect()
    }

    fn batch(&mut self, strategy: &Strategy, batch: u32) -> anyhow::Result<Sums> {
        self.lots += u64::from(LOTS);
        self.play.batch(strategy, batch)
    }
}

/// Sums of a batch fit 32 bits.
fn units(sum: i64) -> f64 {
    f64::from(i32::try_from(sum).unwrap_or(i32::MAX))
}
