//! When blocks are made.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

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
    /// Makes the left-out heights reproducible.
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
}

impl Default for Cadence {
    fn default() -> Self {
        Self { mode: Mode::Interval, interval: Duration::from_millis(100), skip_rate: 0.0, skip_seed: 0 }
    }
}

impl Cadence {
    /// A block as soon as there is work.
    pub fn instant() -> Self {
        Self { mode: Mode::Instant, ..Self::default() }
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
        Ok(Self { mode: change.mode.unwrap_or(self.mode), interval, skip_rate, ..self })
    }
}

fn as_millis<S: serde::Serializer>(interval: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(interval.as_millis())
}
