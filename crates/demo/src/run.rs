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
