//! What runs while the demo does.

use piecework_stack::Stack;

use crate::{agents::Agents, gas::Meter, ledger::Follower};

/// Chain, servers and agents, and what watches them.
pub struct Run {
    pub stack: Stack,
    pub agents: Agents,
    pub follower: Follower,
    pub meter: Meter,
}

impl Run {
    /// Gas that work burnt up to the last block that was followed.
    ///
    /// # Errors
    /// If a block could not be read.
    pub async fn gas(&self) -> anyhow::Result<u64> {
        let end = self.follower.ledger().borrow().cursor.as_ref().map_or(0, |cursor| cursor.height);
        self.meter.burnt(end).await
    }
}
