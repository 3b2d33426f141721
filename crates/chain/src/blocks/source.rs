//! The stream of blocks: what is fetched ahead, and the proof that nothing is missing.

use super::fetch::Fetcher;
use super::{BlockSourceConfig, BlockSourceError, Cursor, FinalBlock, StreamBlocks};
use crate::{BlockHeight, BlockRef, CryptoHash, Head, RpcClient, ViewError};
use near_primitives::views::{BlockHeaderView, BlockView};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::task::JoinError;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

type Fetched = Result<Option<FinalBlock>, BlockSourceError>;

/// A block source over plain JSON-RPC.
#[derive(Debug)]
pub struct RpcBlockSource {
    fetcher: Arc<Fetcher>,
    /// The last block given, or where the reader starts.
    place: Place,
    /// Fetches under way for consecutive heights (or known blocks), in order.
    ahead: VecDeque<AbortOnDropHandle<Fetched>>,
    /// The first height no fetch is under way for.
    next_height: BlockHeight,
    tip: Option<Head>,
    polled: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start(BlockHeight),
    After(Cursor),
}

impl Place {
    /// Whether this block is the one that comes next.
    fn precedes(self, header: &BlockHeaderView) -> bool {
        match self {
            Self::After(cursor) => header.prev_hash == cursor.hash,
            Self::Start(height) => {
                header.height == height
                    || header.prev_hash == CryptoHash::default()
                    || header.prev_height.is_some_and(|prev_height| prev_height < height)
            }
        }
    }

    /// The lowest height the next block can have.
    fn next_height(self) -> BlockHeight {
        match self {
            Self::Start(height) => height,
            Self::After(cursor) => cursor.height.saturating_add(1),
        }
    }
}

impl StreamBlocks for RpcBlockSource {
    async fn next(&mut self, after: Option<Cursor>) -> Result<FinalBlock, BlockSourceError> {
        let place = after.map_or(Place::Start(self.fetcher.config.start_height), Place::After);
        if place != self.place {
            self.restart(place);
        }
        let next = self.advance().await;
        if next.is_err() {
            self.restart(place);
        }
        next
    }
}

impl RpcBlockSource {
    /// A source that has not asked anything yet.
    pub fn new(rpc: RpcClient, config: BlockSourceConfig) -> Self {
        let place = Place::Start(config.start_height);
        Self {
            next_height: place.next_height(),
            fetcher: Arc::new(Fetcher::new(rpc, config)),
            place,
            ahead: VecDeque::new(),
            tip: None,
            polled: None,
        }
    }

    fn restart(&mut self, place: Place) {
        self.place = place;
        self.ahead.clear();
        self.next_height = place.next_height();
    }

    async fn advance(&mut self) -> Result<FinalBlock, BlockSourceError> {
        loop {
            self.fetch_ahead();
            let Some(first) = self.ahead.front_mut() else {
                self.poll_tip().await?;
                continue;
            };
            // Awaited in place and removed only then: a cancelled call loses nothing.
            let fetched = joined(first.await);
            self.ahead.pop_front();
            let Some(block) = fetched? else { continue };
            if self.is_next(&block).await? {
                self.place = Place::After(block.cursor());
                return Ok(block);
            }
        }
    }

    /// Starts fetches up to the tip, within the bound.
    fn fetch_ahead(&mut self) {
        let Some(tip) = self.tip else { return };
        while self.ahead.len() < self.fetcher.config.prefetch_blocks.max(1) && self.next_height <= tip.height {
            let (fetcher, height) = (Arc::clone(&self.fetcher), self.next_height);
            self.spawn(async move { fetcher.at_height(height, tip.height).await });
            self.next_height += 1;
        }
    }

    fn spawn(&mut self, fetch: impl Future<Output = Fetched> + Send + 'static) {
        self.ahead.push_back(AbortOnDropHandle::new(tokio::spawn(fetch)));
    }

    /// Learns the tip, at most once per poll interval unless it moves.
    async fn poll_tip(&mut self) -> Result<(), BlockSourceError> {
        if let Some(polled) = self.polled {
            tokio::time::sleep_until(polled + self.fetcher.config.poll_interval).await;
        }
        // An endpoint that lags behind the reader is refused by the client, which asks the next one.
        let rpc = match self.place {
            Place::After(cursor) => self.fetcher.rpc.with_min_height(cursor.height),
            Place::Start(_) => self.fetcher.rpc.clone(),
        };
        let unknown = || ViewError::UnknownBlock { block: BlockRef::Final, endpoint: rpc.endpoint().to_owned() };
        let view = rpc.block(BlockRef::Final).await?.ok_or_else(unknown)?;
        self.polled = Some(Instant::now());
        let header = &view.header;
        let tip = Head { height: header.height, hash: header.hash, timestamp_ns: header.timestamp_nanosec };
        if let Place::After(cursor) = self.place
            && cursor.height == tip.height
            && cursor.hash != tip.hash
        {
            return Err(BlockSourceError::Rollback { height: tip.height, expected: cursor.hash, found: tip.hash });
        }
        self.tip = Some(tip);
        // At the tip the block asked for is the very next one: it needs no second call.
        if self.next_height <= tip.height && self.place.precedes(header) {
            let fetcher = Arc::clone(&self.fetcher);
            self.spawn(async move { fetcher.read(view, tip.height).await.map(Some) });
            self.next_height = tip.height.saturating_add(1);
        }
        Ok(())
    }

    /// Whether this block follows the last one given. If blocks between were taken for skipped because an endpoint
    /// did not have them, they are found along the parent links and put before it.
    async fn is_next(&mut self, block: &FinalBlock) -> Result<bool, BlockSourceError> {
        if let Place::After(cursor) = self.place
            && block.prev_hash == cursor.hash
        {
            return Ok(true);
        }
        let mut views = Vec::new();
        let mut view = self.view(block.hash, block.height.saturating_add(1)).await?;
        while !self.place.precedes(&view.header) {
            if let Place::After(expected) = self.place
                && view.header.height <= expected.height.saturating_add(1)
            {
                let (height, hash) = (view.header.height, view.header.hash);
                return Err(BlockSourceError::BrokenLink { height, hash, expected });
            }
            let parent = self.view(view.header.prev_hash, view.header.height).await?;
            if let Place::Start(height) = self.place
                && parent.header.height < height
            {
                break;
            }
            views.push(std::mem::replace(&mut view, parent));
        }
        if views.is_empty() {
            return Ok(true);
        }
        views.push(view);
        for view in views {
            let (fetcher, head_height) = (Arc::clone(&self.fetcher), block.head_height);
            let fetch = async move { fetcher.read(view, head_height).await.map(Some) };
            self.ahead.push_front(AbortOnDropHandle::new(tokio::spawn(fetch)));
        }
        Ok(false)
    }

    async fn view(&self, hash: CryptoHash, below: BlockHeight) -> Result<BlockView, BlockSourceError> {
        let view = self.fetcher.rpc.block(BlockRef::Hash(hash)).await?;
        view.ok_or(BlockSourceError::MissingBlock { hash, below })
    }
}

/// A fetch is a task that neither panics nor is aborted while it is awaited; if it is, the reader must fail with it.
fn joined(result: Result<Fetched, JoinError>) -> Fetched {
    match result {
        Ok(fetched) => fetched,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => {
                Err(ViewError::Other { endpoint: "of this process".to_owned(), reason: error.to_string() }.into())
            }
        },
    }
}
