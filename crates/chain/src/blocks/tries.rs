//! The bounded waiting for something that a node must soon have.

use super::BlockSourceError;
use crate::{CryptoHash, RpcCallError, RpcError};
use std::fmt::Display;
use std::time::Duration;
use tokio::time::Instant;

/// Bounds of the pause between two askings; it doubles from the first to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Askings for one thing about one block, which end when patience does.
#[derive(Debug)]
pub(super) struct Tries {
    hash: CryptoHash,
    what: String,
    patience: Duration,
    pause: Duration,
    /// When the first asking failed.
    since: Option<Instant>,
}

impl Tries {
    pub(super) fn new(hash: CryptoHash, what: String, patience: Duration) -> Self {
        let pause = PAUSE.0.min(patience / 10);
        Self { hash, what, patience, pause, since: None }
    }

    /// Waits before another try, or gives up with what this endpoint said.
    pub(super) async fn again(&mut self, endpoint: &str, reason: impl Display) -> Result<(), BlockSourceError> {
        if self.is_over() {
            let (hash, what) = (self.hash, self.what.clone());
            let (endpoint, reason) = (endpoint.to_owned(), reason.to_string());
            return Err(BlockSourceError::Unavailable { hash, what, endpoint, reason });
        }
        self.wait().await;
        Ok(())
    }

    /// Waits before another try if the failure may pass, or gives up.
    pub(super) async fn after<E: Display>(&mut self, error: RpcCallError<E>) -> Result<(), BlockSourceError> {
        match error {
            RpcCallError::Handler { endpoint, error } => self.again(&endpoint, error).await,
            RpcCallError::Rpc(error) if error.is_transient() && !self.is_over() => {
                self.wait().await;
                Ok(())
            }
            RpcCallError::Rpc(error) => Err(RpcError::into(error)),
        }
    }

    fn is_over(&mut self) -> bool {
        self.since.get_or_insert_with(Instant::now).elapsed() >= self.patience
    }

    async fn wait(&mut self) {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE.1);
    }
}
