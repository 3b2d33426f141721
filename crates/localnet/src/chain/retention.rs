//! How much of the past can be asked for (nearcore `chain/chain/src/garbage_collection.rs`, `get_gc_stop_height` of
//! `chain/chain/src/runtime/mod.rs`).

use near_primitives::types::BlockHeight;

use crate::block::Block;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The epoch of the head and those before it, as nearcore does.
    Epochs {
        /// How many.
        count: u64,
        /// Heights in one.
        length: u64,
    },
    /// The newest blocks.
    Blocks(u64),
}

/// Where the past begins.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    /// The oldest block that can be seen.
    pub height: BlockHeight,
    /// Its number since genesis; only counted for [`Keep::Blocks`].
    pub ordinal: u64,
    /// The block before it, whose receipts the oldest block's chunk has.
    pub before: BlockHeight,
    /// The height below which everything is collected but the newest block.
    pub stop: BlockHeight,
}

impl Keep {
    /// How many blocks that is at most.
    pub fn blocks(&self) -> usize {
        let blocks = match self {
            Self::Epochs { count, length } => count.saturating_mul(*length),
            Self::Blocks(count) => *count,
        };
        usize::try_from(blocks).unwrap_or(usize::MAX)
    }

    /// The first height of the oldest epoch that is kept.
    pub(super) fn stop(&self, genesis: BlockHeight, head: BlockHeight) -> BlockHeight {
        match self {
            Self::Epochs { count, length } => {
                let epoch = head.saturating_sub(genesis) / (*length).max(1);
                genesis + (epoch + 1).saturating_sub(*count) * length
            }
            Self::Blocks(_) => genesis,
        }
    }
}

impl Cut {
    /// Nothing is collected yet.
    pub fn at(genesis: &Block) -> Self {
        let height = genesis.height();
        Self { height, ordinal: genesis.ordinal, before: height, stop: height }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep__should_stop_at_the_first_height_of_the_fifth_epoch() {
        // Given five epochs of sixty from a genesis at 7
        let keep = Keep::Epochs { count: 5, length: 60 };

        // Then nothing is collected in the first five, and one goes with each later one
        let stops: Vec<_> = [7, 306, 307, 366, 367].map(|head| keep.stop(7, head)).into();
        assert_eq!(stops, [7, 7, 67, 67, 127]);
        assert_eq!(keep.blocks(), 300);
    }
}
