//! The state of a draw: nothing, opened, or a captured seed.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// A captured seed. It never changes: waiting lowers the bar, it never rerolls.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Seed {
    /// `sha256(random seed of the receipt ‖ batch ‖ at)[..16]`.
    #[serde(with = "hex::serde")]
    pub value: [u8; 16],
    /// Unix time of the capture, seconds.
    pub at: u32,
    /// Height of the capture; the seed is not usable in this block.
    pub height: u32,
    /// Active tickets at the capture.
    pub tickets: u32,
}

/// A group's or a later round's draw.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// Not opened.
    #[default]
    Closed,
    /// Opened at this Unix time; the first draw in a later slice captures the seed.
    Opened(u32),
    /// Captured.
    Seeded(Seed),
}
