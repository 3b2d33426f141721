//! When blocks are made.

use std::time::Duration;

use clap::ValueEnum;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// How often the next producer misses its turn as well.
const SKIPS_ON: f64 = 0.25;

/// What makes a block due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The clock: a block at every interval.
    #[default]
    Interval,
    /// Work, at the interval's pace: nothing happens while there is none.
    OnDemand,
    /// Work, at once, and the clock while there is none.
    Instant,
}

/// When blocks are made, and which heights are left out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cadence {
    /// What makes a block due.
    pub mode: Mode,
    /// Time between blocks.
    #[serde(rename = "interval_ms", serialize_with = "as_millis")]
    pub interval: Duration,
    /// How often the height before a block is left out, from 0 to 1.
    pub skip_rate: f64,
    /// Most heights left out at a time; each one after the first has a chance of a quarter.
    pub skip_run: u64,
    /// Makes the left-out heights reproducible, and what a second endpoint lags.
    pub skip_seed: u64,
}

/// A change at run time; what is not given stays.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CadenceChange {
    /// What makes a block due.
    pub mode: Option<Mode>,
    /// Milliseconds between blocks, at least 1.
    pub interval_ms: Option<u64>,
    /// How often the height before a block is left out, from 0 to 1.
    pub skip_rate: Option<f64>,
    /// Most heights left out at a time, at least 1.
    pub skip_run: Option<u64>,
}

impl Default for Cadence {
    fn default() -> Self {
        Self { mode: Mode::Interval, interval: Duration::from_millis(100), skip_rate: 0.0, skip_run: 1, skip_seed: 0 }
    }
}

impl Cadence {
    /// A block as soon as there is work.
    pub fn instant() -> Self {
        Self { mode: Mode::Instant, ..Self::default() }
    }

    /// How many heights are left out before the next block.
    pub fn skipped(&self, random: &mut impl Rng) -> u64 {
        if self.skip_rate <= 0.0 || !random.random_bool(self.skip_rate) {
            return 0;
        }
        let mut skipped = 1;
        while skipped < self.skip_run && random.random_bool(SKIPS_ON) {
            skipped += 1;
        }
        skipped
    }

    /// With a change applied.
    ///
    /// # Errors
    /// If the change is out of range.
    pub fn changed(self, change: &CadenceChange) -> Result<Self, String> {
        let interval = match change.interval_ms {
            Some(0) => return Err("interval_ms must be at least 1".to_owned()),
            Some(interval) => Duration::from_millis(interval),
            None => self.interval,
        };
        let skip_rate = change.skip_rate.unwrap_or(self.skip_rate);
        if !(0.0..=1.0).contains(&skip_rate) {
            return Err(format!("skip_rate must be from 0 to 1, not {skip_rate}"));
        }
        let skip_run = change.skip_run.unwrap_or(self.skip_run);
        if skip_run == 0 {
            return Err("skip_run must be at least 1; skip_rate 0 leaves no height out".to_owned());
        }
        Ok(Self { mode: change.mode.unwrap_or(self.mode), interval, skip_rate, skip_run, ..self })
    }
}

fn as_millis<S: serde::Serializer>(interval: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(interval.as_millis())
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn heights__should_be_left_out_at_their_rate_and_in_runs() {
        // Given what mainnet leaves out
        let cadence = Cadence { skip_rate: 0.015, skip_run: 3, ..Cadence::default() };
        let mut random = StdRng::seed_from_u64(1);

        // When many blocks come
        let skipped: Vec<u64> = (0..100_000).map(|_| cadence.skipped(&mut random)).collect();

        // Then about 2 % of all heights have none, some of them two or three in a row, and never more
        let all = skipped.iter().sum::<u64>();
        assert!((1_850..=2_150).contains(&(all * 100_000 / (all + 100_000))), "{all}");
        let runs = |length| skipped.iter().filter(|run| **run == length).count();
        assert!(runs(1) > 1_000 && runs(2) > 200 && runs(3) > 50);
        assert_eq!(runs(0) + runs(1) + runs(2) + runs(3), skipped.len());
    }
}
