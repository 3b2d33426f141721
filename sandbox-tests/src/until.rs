//! Waiting for something with a deadline.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::{Instant, sleep};

/// Between two questions.
const POLL: Duration = Duration::from_millis(50);

/// Asks until there is an answer.
///
/// # Errors
/// Asking failed, or `limit` passed; `what` says what was waited for.
pub async fn until<T>(limit: Duration, what: &str, ask: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        ensure!(Instant::now() < end, "waited {} s in vain until {what}", limit.as_secs());
        sleep(POLL).await;
    }
}
