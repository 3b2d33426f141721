//! Block time: real time plus whatever was fast-forwarded.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where blocks get their time from.
#[derive(Clone, Debug)]
pub struct ChainClock {
    /// Time that stands still; without it, the system's.
    pub manual: Option<Duration>,
    /// How far the clock has been moved forward.
    pub offset: Duration,
    /// How much time one fast-forwarded height stands for.
    pub per_height: Duration,
}

impl ChainClock {
    /// Nanoseconds since the epoch.
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.source().saturating_add(self.offset).as_nanos()).unwrap_or(u64::MAX)
    }

    /// How far the clock has been moved forward, as it is stored.
    pub fn offset_ns(&self) -> u64 {
        u64::try_from(self.offset.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Sets the clock to a moment in nanoseconds since the epoch.
    pub fn set(&mut self, timestamp_ns: u64) {
        // A clock behind the real one stands still until that has caught up.
        self.offset = Duration::from_nanos(timestamp_ns).saturating_sub(self.source());
    }

    /// Moves the clock forward.
    pub fn advance(&mut self, by: Duration) {
        self.offset = self.offset.saturating_add(by);
    }

    fn source(&self) -> Duration {
        self.manual.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}
