//! What the health endpoints show.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::{metrics, progress::Progress};

/// The mirror's account of itself.
#[derive(Clone, Debug)]
pub struct Mirroring {
    /// Account id of the contract.
    pub contract: String,
    /// The chain's id.
    pub chain_id: String,
    /// Where the mirror stands.
    pub progress: Progress,
    /// Lag up to which the mirror is ready.
    pub lag_max_blocks: u64,
}

impl piecework_daemon::Health for Mirroring {
    fn problems(&self) -> Vec<String> {
        let now = self.progress.snapshot();
        let mut problems = Vec::new();
        if !now.caught_up {
            problems.push("the mirror has not caught up with the chain yet".to_owned());
        }
        if now.lag_blocks() > self.lag_max_blocks {
            problems.push(format!(
                "the mirror is {} blocks behind, more than {}",
                now.lag_blocks(),
                self.lag_max_blocks
            ));
        }
        if now.reconciled == Some(false) {
            problems.push("the last reconciliation found differences: run piecework-indexer reconcile".to_owned());
        }
        problems.extend(now.interrupted.map(|error| format!("interrupted: {error}")));
        problems
    }

    fn status(&self) -> Map<String, Value> {
        let now = self.progress.snapshot();
        let status = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "contract": self.contract,
            "chain_id": self.chain_id,
            "height": now.height,
            "hash": now.hash,
            "block_at": now.timestamp_ns / 1_000_000_000,
            "next_seq": now.next_seq,
            "chain_height": now.chain_height,
            "lag_blocks": now.lag_blocks(),
            "lag_s": now.lag_s(now_ns()),
            "caught_up": now.caught_up,
            "reconciled": now.reconciled,
            "interrupted": now.interrupted,
        });
        if let Value::Object(status) = status { status } else { Map::new() }
    }

    fn observe(&self) {
        metrics::observed(&self.progress.snapshot(), now_ns());
    }
}

fn now_ns() -> u64 {
    // A clock before 1970 or after 2554 shows a lag of 0.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0))
}
