//! The second endpoint behind the RPC's address.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::Node;

/// A node that gets its blocks late, and the balancer's choice between it and the one that leads.
pub struct LaggingEndpoint {
    node: Arc<Node>,
    seed: u64,
    requests: AtomicU64,
}

impl LaggingEndpoint {
    pub(super) fn new(node: Node, seed: u64) -> Self {
        Self { node: Arc::new(node), seed, requests: AtomicU64::new(0) }
    }

    /// The node.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Whether it gets the next request, which half of all do: the same seed and the same order of requests, the same
    /// choices.
    pub fn is_next(&self) -> bool {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        StdRng::seed_from_u64(self.seed ^ request.wrapping_mul(0x9e37_79b9_7f4a_7c15)).random()
    }
}
