//! A second history that is some blocks behind: what an endpoint knows that lags.

use super::{History, leaves};

impl History {
    /// Takes over the leader's blocks except the newest `behind`, and forgets what it has forgotten. Never goes back.
    ///
    /// The leader keeps more than `behind` blocks in memory, so no state is forgotten that this history says it has.
    pub fn follow(&mut self, leader: &Self, behind: u64) {
        let newest = leader.head.ordinal.saturating_sub(behind);
        while self.head.ordinal < newest
            && let Some(next) = leader.next_block(self.head.height())
        {
            self.push(next);
        }
        self.archive.take_over(&leader.archive, self.head.height());
        for segment in self.archive.forget_as(&leader.archive) {
            self.forget_blocks(&segment);
        }
        let oldest = leader.oldest_with_state().height();
        while self.recent.first_key_value().is_some_and(|(height, _)| *height < oldest)
            && let Some(block) = self.forget_oldest()
        {
            // A block that only left the memory is still on disk, and known.
            if !leader.heights.contains_key(&block.hash) {
                self.heights.remove(&block.hash);
                self.tree.forget(leaves(block.ordinal));
            }
        }
        self.raise_cut_to_oldest();
    }
}
