//! An endpoint that lags: the chain as a node knows it that gets its blocks late.

use std::sync::Arc;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{ChainView, History};

/// Most blocks an endpoint may be behind. The states of so many are always kept.
pub const MOST_BEHIND: u64 = 12;
/// How often, of all blocks, the endpoint falls back or catches up.
const CHANGES: f64 = 0.25;

/// The writing side of it.
pub(super) struct Lagging {
    view: Arc<ChainView>,
    most: u64,
    behind: u64,
    random: StdRng,
}

impl Lagging {
    /// An endpoint that knows what `leader` knows, and will be up to `most` blocks behind.
    pub(super) fn new(leader: &Arc<ChainView>, most: u64, seed: u64) -> Self {
        let view = Arc::new(ChainView::lagging(leader));
        // Another sequence than that of left-out heights, which has the same seed.
        Self { view, most: most.min(MOST_BEHIND), behind: 0, random: StdRng::seed_from_u64(!seed) }
    }

    pub(super) fn view(&self) -> &Arc<ChainView> {
        &self.view
    }

    /// A block has come: the endpoint takes what it is to know now.
    pub(super) fn step(&mut self, leader: &History) {
        if self.random.random_bool(CHANGES) {
            self.behind = self.random.random_range(0..=self.most);
        }
        self.keep_up(leader);
    }

    /// The leader has forgotten something.
    pub(super) fn keep_up(&mut self, leader: &History) {
        self.view.history.write().follow(leader, self.behind);
    }

    /// No block comes for a while: the endpoint gets all there are.
    pub(super) fn catch_up(&mut self, leader: &History) {
        self.behind = 0;
        self.view.history.write().follow(leader, 0);
    }

    /// Another past has taken the chain's place.
    pub(super) fn replace(&mut self, leader: &History) {
        self.behind = 0;
        *self.view.history.write() = leader.clone();
    }
}
