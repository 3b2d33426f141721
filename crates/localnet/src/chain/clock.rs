//! Block time: real time plus whatever was fast-forwarded.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where blocks get their time from.
#[derive(Clone, Debug)]
pub struct ChainClock {
    source: Source,
    offset: Duration,
    /// How much time one fast-forwarded height stands for.
    pub per_height: Duration,
}

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Duration),
}

impl ChainClock {
    /// The system's clock.
    pub fn system(per_height: Duration) -> Self {
        Self { source: Source::System, offset: Duration::ZERO, per_height }
    }

    /// A clock that moves only when told to, for reproducible runs.
    pub fn manual(start: Duration, per_height: Duration) -> Self {
        Self { source: Source::Manual(start), offset: Duration::ZERO, per_height }
    }

    /// Nanoseconds since the epoch.
    pub fn now_ns(&self) -> u64 {
        let now = match self.source {
            Source::System => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Source::Manual(now) => now,
        };
        u64::try_from(now.saturating_add(self.offset).as_nanos()).unwrap_or(u64::MAX)
    }

    /// How far the clock has been moved forward.
    pub fn offset(&self) -> Duration {
        self.offset
    }

    /// Sets how far the clock has been moved forward, for a chain that goes on.
    pub fn set_offset(&mut self, offset: Duration) {
        self.offset = offset;
    }

    /// Sets the clock to a moment in nanoseconds since the epoch.
    pub fn set(&mut self, timestamp_ns: u64) {
        let now = match self.source {
            Source::System => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Source::Manual(now) => now,
        };
        // A clock behind the real one stands still until that has caught up.
        self.offset = Duration::from_nanos(timestamp_ns).saturating_sub(now);
    }

    /// Moves the clock forward.
    pub fn advance(&mut self, by: Duration) {
        self.offset = self.offset.saturating_add(by);
    }
}
