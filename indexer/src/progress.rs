//! What the indexer is doing, for the health endpoints and for whoever waits for a height.

use piecework_store::cursor::Cursor;
use serde::Serialize;
use tokio::sync::watch;

/// Where the mirror and the chain stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Height of the last block committed; 0 before the first.
    pub height: u64,
    /// Its hash.
    pub hash: Option<String>,
    /// Its time, Unix nanoseconds.
    pub timestamp_ns: u64,
    /// Number of the next journal line.
    pub next_seq: u64,
    /// Highest final height seen.
    pub chain_height: u64,
    /// Whether the mirror has caught up with the chain since the start.
    pub caught_up: bool,
    /// What interrupted the indexer; `None` while it works.
    pub interrupted: Option<String>,
    /// Whether the last reconciliation found nothing; `None` before the first.
    pub reconciled: Option<bool>,
}

impl Snapshot {
    /// Blocks behind the chain. Heights skip, so this is at least the count of blocks.
    #[must_use]
    pub const fn lag_blocks(&self) -> u64 {
        self.chain_height.saturating_sub(self.height)
    }

    /// Seconds between the last block and `now_ns`, 0 when nothing is missing.
    #[must_use]
    pub const fn lag_s(&self, now_ns: u64) -> u64 {
        if self.lag_blocks() == 0 { 0 } else { now_ns.saturating_sub(self.timestamp_ns) / 1_000_000_000 }
    }
}

/// The shared state. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Progress(watch::Sender<Snapshot>);

impl Progress {
    /// The state now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.0.borrow().clone()
    }

    /// Changes of the state.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Snapshot> {
        self.0.subscribe()
    }

    /// Blocks up to the cursor are in the database.
    pub fn committed(&self, cursor: &Cursor) {
        self.0.send_modify(|now| {
            now.height = cursor.height;
            now.hash.clone_from(&cursor.hash);
            now.timestamp_ns = cursor.timestamp_ns;
            now.next_seq = cursor.root.seq;
            now.chain_height = now.chain_height.max(cursor.chain_height);
            now.caught_up |= cursor.hash.is_some() && now.lag_blocks() == 0;
            now.interrupted = None;
        });
    }

    /// The chain's final head was seen at this height.
    pub fn head_seen(&self, height: u64) {
        self.0.send_modify(|now| now.chain_height = now.chain_height.max(height));
    }

    /// The indexer waits before it tries again.
    pub fn interrupted(&self, error: String) {
        self.0.send_modify(|now| now.interrupted = Some(error));
    }

    /// A reconciliation ended.
    pub fn reconciled(&self, ok: bool) {
        self.0.send_modify(|now| now.reconciled = Some(ok));
    }
}
