//! What goes wrong on purpose, so that clients can be tested: latency, HTTP errors, lost answers, an old head.

use std::{
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::RwLock;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

/// How often each fault happens, from 0 to 1 of all requests. Calls of `sandbox_` methods are spared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The same seed and the same order of requests give the same faults.
    pub seed: u64,
    /// Every answer waits at least this long, in milliseconds…
    pub min_latency_ms: u64,
    /// …and at most this long.
    pub max_latency_ms: u64,
    /// The request is carried out, and no answer comes for a minute.
    pub timeout: f64,
    /// The request is carried out, and nearcore's `TIMEOUT_ERROR` comes with HTTP 408.
    pub http_408: f64,
    /// Nothing is done; nearcore's `UNKNOWN_BLOCK` comes with HTTP 422, as for a skipped height.
    pub http_422: f64,
    /// Nothing is done; HTTP 429 comes, as from a public node's rate limit.
    pub http_429: f64,
    /// Nothing is done; nearcore's internal error comes with HTTP 500.
    pub http_500: f64,
    /// The request is carried out, and the connection breaks before the answer.
    pub drop: f64,
    /// The request is answered from an older block.
    pub stale: f64,
    /// How many blocks older.
    pub stale_blocks: u64,
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The wait before anything else.
    pub latency: Duration,
    /// What goes wrong.
    pub kind: Option<FaultKind>,
}

/// What goes wrong with a request; see [`Faults`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the rates are")]
pub enum FaultKind {
    Timeout,
    Http408,
    Http422,
    Http429,
    Http500,
    Drop,
    Stale { blocks: u64 },
}

/// The faults of a running node.
#[derive(Debug, Default)]
pub struct FaultPlan {
    faults: RwLock<Faults>,
    requests: AtomicU64,
}

/// The faults make no sense.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct FaultsError(String);

impl Faults {
    /// Checks ranges.
    ///
    /// # Errors
    /// If a rate is not from 0 to 1, their sum is above 1, or the latencies are the wrong way round.
    pub fn checked(self) -> Result<Self, FaultsError> {
        let rates = self.rates().map(|(rate, _)| rate);
        if rates.iter().any(|rate| !(0.0..=1.0).contains(rate)) || rates.iter().sum::<f64>() > 1.000_001 {
            return Err(FaultsError("every fault's rate is from 0 to 1, and all together are at most 1".to_owned()));
        }
        if self.min_latency_ms > self.max_latency_ms {
            return Err(FaultsError("min_latency_ms must not be above max_latency_ms".to_owned()));
        }
        Ok(self)
    }

    /// With the values of a change in place of these.
    ///
    /// # Errors
    /// If the result makes no sense.
    pub fn changed(&self, change: &FaultsChange) -> Result<Self, FaultsError> {
        let failed = |error: serde_json::Error| FaultsError(error.to_string());
        let mut fields = serde_json::to_value(self).map_err(failed)?;
        if let Some(fields) = fields.as_object_mut() {
            fields.extend(change.0.clone());
        }
        serde_json::from_value::<Self>(fields).map_err(failed)?.checked()
    }

    /// What happens to the request with this number.
    pub fn draw(&self, request: u64) -> Fault {
        let mut random = StdRng::seed_from_u64(self.seed ^ request.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let latency = Duration::from_millis(random.random_range(self.min_latency_ms..=self.max_latency_ms));
        let mut left: f64 = random.random();
        let kind = self.rates().into_iter().find_map(|(rate, kind)| {
            left -= rate;
            (left < 0.0).then_some(kind)
        });
        Fault { latency, kind }
    }

    fn rates(&self) -> [(f64, FaultKind); 7] {
        [
            (self.timeout, FaultKind::Timeout),
            (self.http_408, FaultKind::Http408),
            (self.http_422, FaultKind::Http422),
            (self.http_429, FaultKind::Http429),
            (self.http_500, FaultKind::Http500),
            (self.drop, FaultKind::Drop),
            (self.stale, FaultKind::Stale { blocks: self.stale_blocks.max(1) }),
        ]
    }
}

/// Some of the values of [`Faults`], as `name=value,…` with the names of the fields, and `latency_ms=20..80` for both
/// latencies.
#[derive(Clone, Debug)]
pub struct FaultsChange(serde_json::Map<String, serde_json::Value>);

impl FromStr for Faults {
    type Err = FaultsError;

    fn from_str(text: &str) -> Result<Self, FaultsError> {
        Self::default().changed(&text.parse()?)
    }
}

impl FromStr for FaultsChange {
    type Err = FaultsError;

    fn from_str(text: &str) -> Result<Self, FaultsError> {
        let mut fields = serde_json::Map::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong =
                || FaultsError(format!("{part:?} is not name=value; for example http_500=0.1,latency_ms=20..80"));
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            let number = |value: &str| serde_json::from_str::<serde_json::Number>(value).map_err(|_| wrong());
            if name == "latency_ms" {
                let (min, max) = value.split_once("..").unwrap_or((value, value));
                fields.insert("min_latency_ms".to_owned(), number(min)?.into());
                fields.insert("max_latency_ms".to_owned(), number(max)?.into());
            } else {
                fields.insert(name.to_owned(), number(value)?.into());
            }
        }
        let change = Self(fields);
        Faults::default().changed(&change)?;
        Ok(change)
    }
}

impl FaultPlan {
    /// A plan with these faults.
    pub fn new(faults: Faults) -> Self {
        Self { faults: RwLock::new(faults), requests: AtomicU64::new(0) }
    }

    /// The faults now.
    pub fn current(&self) -> Faults {
        self.faults.read().clone()
    }

    /// Replaces the faults; requests are counted anew.
    pub fn replace(&self, faults: Faults) {
        *self.faults.write() = faults;
        self.requests.store(0, Ordering::Relaxed);
    }

    /// What happens to the next request; `None` if there are no faults at all.
    pub fn next(&self) -> Option<Fault> {
        let faults = self.faults.read();
        let none = Faults { seed: faults.seed, stale_blocks: faults.stale_blocks, ..Faults::default() };
        (*faults != none).then(|| faults.draw(self.requests.fetch_add(1, Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults__should_be_read_from_one_line() {
        let faults: Faults = "seed=7, http_500=0.25,latency_ms=20..80,stale=0.5,stale_blocks=3".parse().unwrap();
        let expected = Faults {
            seed: 7,
            http_500: 0.25,
            min_latency_ms: 20,
            max_latency_ms: 80,
            stale: 0.5,
            stale_blocks: 3,
            ..Faults::default()
        };
        assert_eq!(faults, expected);
        for wrong in ["http_500", "http_501=0.1", "drop=2", "drop=0.6,timeout=0.6", "latency_ms=9..1"] {
            assert!(wrong.parse::<Faults>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn change__should_replace_what_it_names() {
        let faults = Faults { min_latency_ms: 20, max_latency_ms: 80, drop: 0.5, ..Faults::default() };

        let changed = faults.changed(&"drop=0,http_408=0.1".parse().unwrap()).unwrap();

        assert_eq!(changed, Faults { drop: 0.0, http_408: 0.1, ..faults.clone() });
        // And what makes no sense together is refused
        assert!(faults.changed(&"timeout=0.6".parse().unwrap()).is_err());
    }

    #[test]
    fn faults__should_come_at_their_rates_and_the_same_for_a_seed() {
        // Given faults at two rates
        let faults: Faults = "seed=3,http_429=0.1,drop=0.3,latency_ms=5..9".parse().unwrap();

        // When many requests are drawn
        let drawn: Vec<_> = (0..10_000).map(|request| faults.draw(request)).collect();

        // Then the shares are about right, and the same again
        let share = |kind| drawn.iter().filter(|fault| fault.kind == kind).count();
        assert!((900..1_100).contains(&share(Some(FaultKind::Http429))));
        assert!((2_800..3_200).contains(&share(Some(FaultKind::Drop))));
        assert!(drawn.iter().all(|fault| (5..=9).contains(&fault.latency.as_millis())));
        assert_eq!(drawn, (0..10_000).map(|request| faults.draw(request)).collect::<Vec<_>>());
    }
}
