//! The stream of blocks: what is fetched ahead, and the proof that nothing is missing.

use super::fetch::{Fetched, Fetcher};
use super::heads::Tip;
use super::history::{self, Kept};
use super::{BlockSourceConfig, BlockSourceError, Cursor, FinalBlock, Needs, StreamBlocks};
use crate::rpc::Answer;
use crate::{BlockHeight, BlockRef, CryptoHash, RpcClient, ViewError};
use near_primitives::views::{BlockHeaderView, BlockView};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

type Task = Result<Option<Fetched>, BlockSourceError>;

/// Heights in a row without a block, after which the hole is crossed in steps instead of one by one.
const HOLE: usize = 16;

/// A block source over plain JSON-RPC.
#[derive(Debug)]
pub struct RpcBlockSource {
    fetcher: Arc<Fetcher>,
    /// Where a reader without a cursor begins, once that is known.
    start: Option<BlockHeight>,
    /// The last block given, or where the reader starts.
    place: Place,
    /// Fetches under way for consecutive heights (or known blocks), in order.
    ahead: VecDeque<AbortOnDropHandle<Task>>,
    /// The first height no fetch is under way for.
    next_height: BlockHeight,
    /// Heights without a block since the last one.
    empty: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start(BlockHeight),
    After(Cursor),
}

impl Place {
    /// Whether this block is the one that comes next.
    fn precedes(self, link: &Link) -> bool {
        match self {
            Self::After(cursor) => link.prev_hash == cursor.hash,
            Self::Start(height) => {
                link.height == height
                    || link.prev_hash == CryptoHash::default()
                    || link.prev_height.is_some_and(|prev_height| prev_height < height)
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

/// A block's place in the chain, as its own header says it.
#[derive(Clone, Copy, Debug)]
struct Link {
    height: BlockHeight,
    hash: CryptoHash,
    prev_hash: CryptoHash,
    prev_height: Option<BlockHeight>,
}

impl From<&BlockHeaderView> for Link {
    fn from(header: &BlockHeaderView) -> Self {
        let (height, hash) = (header.height, header.hash);
        Self { height, hash, prev_hash: header.prev_hash, prev_height: header.prev_height }
    }
}

impl From<&Fetched> for Link {
    fn from(Fetched { block, prev_height, .. }: &Fetched) -> Self {
        Self { height: block.height, hash: block.hash, prev_hash: block.prev_hash, prev_height: *prev_height }
    }
}

impl StreamBlocks for RpcBlockSource {
    async fn next(&mut self, after: Option<Cursor>) -> Result<FinalBlock, BlockSourceError> {
        loop {
            let place = match after {
                Some(cursor) => Place::After(cursor),
                None => Place::Start(self.start().await?),
            };
            if place != self.place {
                self.restart(place);
            }
            let error = match self.advance().await {
                Ok(block) => return Ok(block),
                Err(error) => error,
            };
            self.restart(place);
            if !error.is_fatal() && self.fetcher.heads.drop_invented(self.fetcher.config.patience).await {
                continue;
            }
            match error.accused() {
                Some(endpoint) if self.fetcher.rpc.distrust(endpoint) => {
                    let report: &dyn std::error::Error = &error;
                    tracing::error!(endpoint, error = report, "rpc.endpoint_distrusted");
                }
                _ => return Err(error),
            }
        }
    }
}

impl RpcBlockSource {
    /// A source that has not asked anything yet.
    pub fn new(rpc: RpcClient, config: BlockSourceConfig) -> Self {
        let start = config.start_height;
        let place = Place::Start(start.unwrap_or_default());
        Self {
            next_height: place.next_height(),
            fetcher: Arc::new(Fetcher::new(rpc, config)),
            start,
            place,
            ahead: VecDeque::new(),
            empty: 0,
        }
    }

    async fn start(&mut self) -> Result<BlockHeight, BlockSourceError> {
        if let Some(start) = self.start {
            return Ok(start);
        }
        let Fetcher { rpc, config, heads, .. } = &*self.fetcher;
        let tip = heads.first(0).await?.height();
        let start = history::deployment(rpc, &config.contract, tip).await?;
        tracing::info!(contract = %config.contract, height = start, "blocks.deployment_found");
        self.start = Some(start);
        Ok(start)
    }

    fn restart(&mut self, place: Place) {
        self.place = place;
        self.ahead.clear();
        self.next_height = place.next_height();
        self.empty = 0;
    }

    async fn advance(&mut self) -> Result<FinalBlock, BlockSourceError> {
        loop {
            self.fetch_ahead();
            let Some(first) = self.ahead.front_mut() else {
                self.wait_for_tip().await?;
                continue;
            };
            // Awaited in place and removed only then: a cancelled call loses nothing.
            let fetched = joined(first.await);
            self.ahead.pop_front();
            let Some(fetched) = fetched? else {
                self.empty += 1;
                if self.empty >= HOLE {
                    self.cross_hole().await?;
                }
                continue;
            };
            if let Some(block) = self.placed(fetched).await? {
                self.place = Place::After(block.cursor());
                self.empty = 0;
                return Ok(block);
            }
        }
    }

    /// Starts fetches up to the tip, within the bound.
    fn fetch_ahead(&mut self) {
        let Some(tip) = self.fetcher.heads.newest().map(|tip| tip.height()) else { return };
        while self.ahead.len() < self.fetcher.config.prefetch_blocks.max(1) && self.next_height <= tip {
            let (fetcher, height) = (Arc::clone(&self.fetcher), self.next_height);
            self.spawn(async move { fetcher.at_height(height, tip).await });
            self.next_height += 1;
        }
    }

    fn spawn(&mut self, fetch: impl Future<Output = Task> + Send + 'static) {
        self.ahead.push_back(AbortOnDropHandle::new(tokio::spawn(fetch)));
    }

    /// Waits until the tip is at the next height or above.
    async fn wait_for_tip(&mut self) -> Result<(), BlockSourceError> {
        let heads = &self.fetcher.heads;
        let floor = match self.place {
            Place::After(cursor) => cursor.height,
            Place::Start(_) => 0,
        };
        // The first tip may be the reader's own block, or another in its place.
        let tip = match heads.newest() {
            None => heads.first(floor).await?,
            Some(_) => heads.above(self.next_height.saturating_sub(1)).await?,
        };
        let header = &tip.view.header;
        if let Place::After(cursor) = self.place
            && cursor.height == header.height
            && cursor.hash != header.hash
        {
            let (height, endpoint) = (header.height, tip.endpoint.to_string());
            return Err(BlockSourceError::Rollback { height, expected: cursor.hash, found: header.hash, endpoint });
        }
        // At the tip the block asked for is the very next one: it needs no second call.
        if self.next_height <= header.height && self.place.precedes(&Link::from(header)) {
            self.next_height = header.height.saturating_add(1);
            let fetcher = Arc::clone(&self.fetcher);
            self.spawn(async move {
                let Tip { view, endpoint } = &*tip;
                fetcher.read(view, Arc::clone(endpoint), tip.height()).await.map(Some)
            });
        }
        Ok(())
    }

    /// Gives a block that follows the last one given. If blocks between were taken for skipped because an endpoint did
    /// not have them, they are found along the parent links and put before it.
    async fn placed(&mut self, fetched: Fetched) -> Result<Option<FinalBlock>, BlockSourceError> {
        let mut link = Link::from(&fetched);
        let (mut missed, most) = (Vec::new(), self.fetcher.config.prefetch_blocks.max(1));
        while !self.place.precedes(&link) {
            if let Place::After(expected) = self.place
                && (link.height <= expected.height || link.prev_height.is_some_and(|height| height <= expected.height))
            {
                let (height, hash, endpoint) = (link.height, link.hash, fetched.endpoint.to_string());
                return Err(BlockSourceError::BrokenLink { height, hash, expected, endpoint });
            }
            if missed.len() >= most {
                let (from, below) = (self.place.next_height(), link.height);
                return Err(BlockSourceError::Hidden { from, below });
            }
            let Some(parent) = self.parent(&link).await? else {
                // What is not kept any more turned out not to matter.
                continue;
            };
            if matches!(self.place, Place::Start(height) if parent.value.header.height < height) {
                break;
            }
            link = Link::from(&parent.value.header);
            missed.push(parent);
        }
        if missed.is_empty() {
            return Ok(Some(fetched.block));
        }
        let head_height = fetched.block.head_height;
        self.ahead.push_front(AbortOnDropHandle::new(tokio::spawn(async { Ok(Some(fetched)) })));
        for Answer { value, endpoint } in missed {
            let fetcher = Arc::clone(&self.fetcher);
            let fetch = async move { fetcher.read(&value, endpoint, head_height).await.map(Some) };
            self.ahead.push_front(AbortOnDropHandle::new(tokio::spawn(fetch)));
        }
        Ok(None)
    }

    /// A block's parent; `None` if it is not kept, and the place has moved to where the history begins.
    async fn parent(&mut self, link: &Link) -> Result<Option<Answer<BlockView>>, BlockSourceError> {
        let mut tries = self.fetcher.tries(link.prev_hash, "the block");
        let parent_height = link.prev_height.unwrap_or(link.height.saturating_sub(1));
        loop {
            let rpc = self.fetcher.rpc.clone();
            if let Some(parent) = rpc.block_from(BlockRef::Hash(link.prev_hash)).await? {
                return Ok(Some(parent));
            }
            if self.is_pruned(parent_height).await? {
                return Ok(None);
            }
            if tries.again(rpc.endpoint(), "it is not known there").await.is_err() {
                return Err(BlockSourceError::MissingBlock { hash: link.prev_hash, below: link.height });
            }
        }
    }

    /// Goes on at the first block behind the heights that have none.
    async fn cross_hole(&mut self) -> Result<(), BlockSourceError> {
        self.is_pruned(self.place.next_height()).await?;
        let Some(tip) = self.fetcher.heads.newest() else { return Ok(()) };
        let from = self.place.next_height();
        if from <= tip.height() {
            let first = history::first_from(&self.fetcher.rpc, from, tip.height()).await?;
            self.ahead.clear();
            self.next_height = first;
        }
        self.empty = 0;
        Ok(())
    }

    /// Whether this height lies below every endpoint's history. A reader that starts there begins with the history if
    /// the contract does not exist before.
    ///
    /// # Errors
    /// The reader needs blocks that are not kept any more.
    async fn is_pruned(&mut self, height: BlockHeight) -> Result<bool, BlockSourceError> {
        let Fetcher { rpc, config, heads, .. } = &*self.fetcher;
        let Some(kept) = Kept::ask(rpc).await?.filter(|kept| height < kept.height) else { return Ok(false) };
        match self.place {
            Place::After(cursor) => {
                // Behind a balancer one node may keep more than the one that was asked.
                if rpc.block(BlockRef::Hash(cursor.hash)).await?.is_some() {
                    return Ok(false);
                }
                Err(kept.gone(Needs::After(cursor)))
            }
            Place::Start(start) => {
                let tip = heads.first(0).await?.height();
                if !history::begins_later(rpc, &config.contract, &kept, tip).await? {
                    return Err(kept.gone(Needs::Start(start)));
                }
                self.start = Some(kept.height);
                self.place = Place::Start(kept.height);
                Ok(true)
            }
        }
    }
}

/// A fetch is a task that neither panics nor is aborted while it is awaited; if it is, the reader must fail with it.
fn joined(result: Result<Task, JoinError>) -> Task {
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
