//! How many requests a client may send, as public RPC providers limit them: a token bucket for each address.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// Addresses remembered before those with full buckets are forgotten.
const REMEMBERED: usize = 4_096;

/// The limit of one client address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Requests per second in the long run, above 0.
    pub per_second: u32,
    /// Requests at once after a pause, above 0.
    pub burst: u32,
}

impl RateLimit {
    /// So many requests per second, and twice as many at once.
    pub fn per_second(per_second: u32) -> Self {
        Self { per_second, burst: per_second.saturating_mul(2) }
    }

    /// The time in which a bucket gets one token.
    fn step(self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }
}

/// The buckets of all clients.
#[derive(Debug, Default)]
pub struct RateLimiter {
    limit: Option<RateLimit>,
    /// When each client's bucket is full again.
    full_at: Mutex<HashMap<IpAddr, Instant>>,
}

impl RateLimiter {
    /// Full buckets under a limit; without one every request passes.
    pub fn new(limit: Option<RateLimit>) -> Self {
        Self { limit, full_at: Mutex::default() }
    }

    /// The limit.
    pub fn limit(&self) -> Option<RateLimit> {
        self.limit
    }

    /// Takes a token out of the client's bucket.
    ///
    /// # Errors
    /// The time after which there is one, if the bucket is empty.
    pub fn take(&self, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let Some(limit) = self.limit else { return Ok(()) };
        let mut full_at = self.full_at.lock();
        if full_at.len() >= REMEMBERED {
            full_at.retain(|_, full_at| *full_at > now);
        }
        let full_at = full_at.entry(client).or_insert(now);
        // A bucket that is full again in k steps has given k tokens out.
        let missing = full_at.saturating_duration_since(now);
        let most_missing = limit.step().saturating_mul(limit.burst.saturating_sub(1));
        if missing > most_missing {
            return Err(missing.saturating_sub(most_missing));
        }
        *full_at = now + missing + limit.step();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::BROADCAST);

    #[test]
    fn bucket__should_give_a_burst_and_then_the_rate() {
        // Given ten requests per second and twenty at once
        let limiter = RateLimiter::new(Some(RateLimit::per_second(10)));
        let now = Instant::now();

        // When a client sends twenty at once, one more is refused until a token has come
        assert!((0..20).all(|_| limiter.take(CLIENT, now).is_ok()));
        assert_eq!(limiter.take(CLIENT, now), Err(Duration::from_millis(100)));
        assert_eq!(limiter.take(CLIENT, now + Duration::from_millis(40)), Err(Duration::from_millis(60)));

        // Then one passes, and the next does not
        let later = now + Duration::from_millis(100);
        assert_eq!(limiter.take(CLIENT, later), Ok(()));
        assert!(limiter.take(CLIENT, later).is_err());
        // And after a long pause it is a burst again, no more
        let rested = now + Duration::from_secs(3_600);
        assert_eq!((0..100).filter(|_| limiter.take(CLIENT, rested).is_ok()).count(), 20);
    }

    #[test]
    fn bucket__should_be_each_clients_own() {
        let limiter = RateLimiter::new(Some(RateLimit { per_second: 1, burst: 1 }));
        let now = Instant::now();

        assert!(limiter.take(CLIENT, now).is_ok());
        assert!(limiter.take(CLIENT, now).is_err());

        assert!(limiter.take(OTHER, now).is_ok());
    }

    #[test]
    fn no_limit__should_let_everything_pass() {
        let limiter = RateLimiter::new(None);
        let now = Instant::now();

        assert!((0..10_000).all(|_| limiter.take(CLIENT, now).is_ok()));
    }
}
