//! How fast one endpoint may be asked: not while it wants rest, and in single file after it was asked too fast.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The rest after a refusal that names none; doubles with every further one, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// The longest rest that is believed, whatever an endpoint asks for.
const BELIEVED: Duration = Duration::from_secs(600);
/// Bounds of the gap between the starts of two requests, once there is one.
const GAP: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));
/// The longest wait for a turn; a request that would wait longer fails at once.
const QUEUE: Duration = Duration::from_secs(5);

/// The pace of the requests to one endpoint, shared by all clones of a client.
#[derive(Debug, Default)]
pub(super) struct Pace {
    state: Mutex<State>,
}

impl Pace {
    /// How long the endpoint still wants to be left alone.
    pub(super) fn rest(&self) -> Duration {
        self.with(|state| state.rest(Instant::now()))
    }

    /// Waits for this request's turn and gives the moment of its start.
    ///
    /// # Errors
    /// What is left of a rest, which another endpoint or the caller may use better than this queue.
    pub(super) async fn turn(&self) -> Result<Instant, Duration> {
        let start = self.with(|state| state.next_start(Instant::now()))?;
        tokio::time::sleep_until(start).await;
        // Another request may have been refused meanwhile.
        match self.rest() {
            Duration::ZERO => Ok(start),
            rest => Err(rest),
        }
    }

    /// The endpoint answered.
    pub(super) fn answered(&self) {
        self.with(State::answered);
    }

    /// The endpoint refused the request that started then, because there were too many, and asks for this rest.
    pub(super) fn refused(&self, started: Instant, asked: Option<Duration>) {
        self.with(|state| state.refused(Instant::now(), started, asked));
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The pace without a clock.
///
/// A refusal doubles the gap between two starts, an answer shortens it by a tenth, so that the requests which waited
/// out a rest do not start together.
#[derive(Debug, Default)]
struct State {
    rest_until: Option<Instant>,
    /// Refusals in a row that named no rest.
    unnamed: u32,
    gap: Duration,
    /// When the last request started, or will.
    last_start: Option<Instant>,
    refused_at: Option<Instant>,
}

impl State {
    fn rest(&self, now: Instant) -> Duration {
        self.rest_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    fn next_start(&mut self, now: Instant) -> Result<Instant, Duration> {
        let rest = self.rest(now);
        if !rest.is_zero() {
            return Err(rest);
        }
        let start = self.last_start.map_or(now, |last| now.max(last + self.gap));
        let wait = start.duration_since(now);
        if wait > QUEUE {
            return Err(wait);
        }
        self.last_start = Some(start);
        Ok(start)
    }

    fn answered(&mut self) {
        self.unnamed = 0;
        self.gap = if self.gap < GAP.0 { Duration::ZERO } else { self.gap * 9 / 10 };
    }

    fn refused(&mut self, now: Instant, started: Instant, asked: Option<Duration>) {
        // Requests that were under way together are refused together, which says no more than one refusal.
        let first = self.refused_at.is_none_or(|refused_at| started > refused_at);
        if first {
            self.gap = (self.gap * 2).clamp(GAP.0, GAP.1);
            self.refused_at = Some(now);
        }
        let rest = asked.map(|asked| asked.min(BELIEVED)).unwrap_or_else(|| {
            self.unnamed += u32::from(first);
            SHORTEST.saturating_mul(2u32.saturating_pow(self.unnamed.saturating_sub(1))).min(LONGEST)
        });
        self.rest_until = self.rest_until.max(now.checked_add(rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn next_start__should_not_come_within_a_rest_and_then_one_by_one() {
        // Given an endpoint that asked for two seconds of rest.
        let (mut state, began) = (State::default(), Instant::now());
        let started = state.next_start(began).unwrap();
        state.refused(began, started, Some(2 * SECOND));
        // When a request comes within the rest, then it fails with what is left of the rest.
        assert_eq!(state.next_start(began + SECOND), Err(SECOND));
        // And afterwards no two start together.
        let over = began + 2 * SECOND;
        let starts: Vec<_> = (0..3).map(|_| state.next_start(over).unwrap().duration_since(over)).collect();
        assert_eq!(starts, [Duration::ZERO, GAP.0, 2 * GAP.0]);
    }

    #[test]
    fn next_start__should_not_make_a_long_queue() {
        let (mut state, now) = (State { gap: GAP.1, ..State::default() }, Instant::now());
        assert_eq!((0..1_000).filter(|_| state.next_start(now).is_ok()).count(), 21);
    }

    #[test]
    fn rest__should_be_bounded_whatever_is_asked_for() {
        for asked in [u64::MAX, 99_999_999_999, 3_600] {
            let (mut state, now) = (State::default(), Instant::now());
            state.refused(now, now, Some(Duration::from_secs(asked)));
            assert_eq!(state.rest(now), BELIEVED);
        }
    }

    #[test]
    fn refusals__should_count_once_for_requests_that_were_under_way_together() {
        // Given two requests under way
        let (mut state, began) = (State::default(), Instant::now());
        let started = [state.next_start(began).unwrap(), state.next_start(began).unwrap()];
        // When both are refused
        for started in started {
            state.refused(began + SECOND, started, None);
        }
        // Then the pace is that after one refusal, and a later one counts again.
        assert_eq!((state.gap, state.unnamed), (GAP.0, 1));
        state.refused(began + 3 * SECOND, began + 2 * SECOND, None);
        assert_eq!((state.gap, state.unnamed), (2 * GAP.0, 2));
    }

    #[test]
    fn rest__should_grow_while_refusals_name_none() {
        let (mut state, mut now) = (State::default(), Instant::now());
        let mut refuse = |state: &mut State| {
            now += 100 * SECOND;
            state.refused(now, now, None);
            state.rest(now).as_secs()
        };
        let rests: Vec<_> = (0..8).map(|_| refuse(&mut state)).collect();
        assert_eq!(rests, [1, 2, 4, 8, 16, 32, 60, 60]);
        state.answered();
        assert_eq!(refuse(&mut state), 1);
    }

    #[test]
    fn gap__should_close_while_answers_come() {
        let (mut state, began) = (State::default(), Instant::now());
        state.refused(began, began, None);
        for _ in 0..2 {
            state.answered();
        }
        assert_eq!(state.gap, Duration::ZERO);
    }
}
