//! How far a market's transactions reach into the chain, and the wait until all of that is final.
//!
//! near-workspaces returns once a transaction is executed, two blocks before it is final. Programs, agents and indexers
//! believe final blocks only, so whatever asks one of them waits here first.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use near_workspaces::{CryptoHash, result::ExecutionFinalResult};
use piecework_chain::{BlockRef, RetryPolicy, RpcClient, RpcConfig};

use crate::until::until;

/// How long a block may take until it is final, or until a node that lags has it.
const LIMIT: Duration = Duration::from_secs(60);
/// How often the newest block is asked for.
const ASKED: u8 = 8;
/// Patience with a rate limit, and with an answer from before what was seen already.
const RETRY: RetryPolicy = RetryPolicy { rounds: 40, base: Duration::from_millis(50), cap: Duration::from_millis(500) };

/// The chain, with the highest block that a transaction touched. Clones share the height.
#[derive(Clone, Debug)]
pub struct Finality {
    rpc: RpcClient,
    touched: Arc<AtomicU64>,
}

/// A block in which a transaction did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) height: u64,
    /// Its time, Unix seconds.
    pub(crate) now_s: u32,
}

impl Finality {
    pub(crate) fn of(rpc_url: &str) -> Result<Self> {
        let config = RpcConfig { retry: RETRY, ..RpcConfig::new([rpc_url]) };
        Ok(Self { rpc: RpcClient::new(config)?, touched: Arc::default() })
    }

    /// A client that answers from no block below the highest one touched.
    #[must_use]
    pub fn rpc(&self) -> RpcClient {
        self.rpc.with_min_height(self.touched.load(Ordering::Relaxed))
    }

    /// Notes the blocks of a transaction and of all its receipts. They are read now: a node keeps few blocks.
    pub(crate) async fn note(&self, result: &ExecutionFinalResult) -> Result<BTreeMap<CryptoHash, Moment>> {
        let mut moments = BTreeMap::new();
        for outcome in result.outcomes() {
            if let Entry::Vacant(unread) = moments.entry(outcome.block_hash) {
                unread.insert(self.moment(outcome.block_hash).await?);
            }
        }
        let highest = moments.values().map(|moment| moment.height).max().unwrap_or_default();
        self.touched.fetch_max(highest, Ordering::Relaxed);
        Ok(moments)
    }

    async fn moment(&self, hash: CryptoHash) -> Result<Moment> {
        let block = BlockRef::Hash(piecework_chain::CryptoHash(hash.0));
        let view = until(LIMIT, "the node has a transaction's block", async || Ok(self.rpc.block(block).await?));
        let header = view.await?.header;
        Ok(Moment { height: header.height, now_s: u32::try_from(header.timestamp_nanosec / 1_000_000_000)? })
    }

    /// Waits until a final block has whatever happened before, by transactions of the market and by any others: the newest
    /// block of now has become final.
    ///
    /// # Errors
    /// The chain does not answer, or makes no blocks.
    pub async fn catch_up(&self) -> Result<()> {
        // An endpoint that lags may answer any one question, and hardly all of them.
        for _ in 0..ASKED {
            let newest = self.rpc().block(BlockRef::Latest).await?.context("the chain has no block")?;
            self.touched.fetch_max(newest.header.height, Ordering::Relaxed);
        }
        let newest = self.touched.load(Ordering::Relaxed);
        until(LIMIT, "the newest block is final", async || Ok((self.rpc.head().await?.height >= newest).then_some(())))
            .await
    }
}
