//! When a failed request is tried again.

use std::time::Duration;

/// Full-jitter back-off. In each round every endpoint is asked once, so fail-over itself costs no waiting.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// How many times all endpoints are asked.
    pub rounds: u32,
    /// Upper bound of the wait before the second round; it doubles with each round.
    pub base: Duration,
    /// Upper bound of any wait.
    pub cap: Duration,
}

impl RetryPolicy {
    /// Ask every endpoint once and give up.
    pub const ONCE: Self = Self { rounds: 1, base: Duration::ZERO, cap: Duration::ZERO };

    /// The wait before `round` (1 = the second try): uniform up to the bound, so that clients that failed
    /// together do not return together.
    pub(super) fn delay(&self, round: u32) -> Duration {
        let bound = self.base.saturating_mul(2u32.saturating_pow(round - 1)).min(self.cap);
        rand::random_range(Duration::ZERO..=bound)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { rounds: 6, base: Duration::from_millis(100), cap: Duration::from_secs(3) }
    }
}
