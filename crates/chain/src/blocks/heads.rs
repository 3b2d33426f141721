//! The final head, asked for once per poll interval however many wait for it.

use super::BlockSourceError;
use crate::{BlockHeight, BlockRef, RetryPolicy, RpcClient, RpcError, ViewError};
use near_primitives::views::BlockView;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Poll intervals after which a head that has not moved is asked for at the other endpoints too: the chain may stand
/// still, or only the endpoint.
const STILL: u32 = 25;
/// Poll intervals after which endpoints that all stand below the known head do not lag, but serve a chain that was reset.
const RESET: u32 = 300;

/// A final block and the endpoint that gave it.
#[derive(Debug)]
pub(super) struct Tip {
    pub(super) view: BlockView,
    pub(super) endpoint: Arc<str>,
}

impl Tip {
    pub(super) fn height(&self) -> BlockHeight {
        self.view.header.height
    }
}

/// The newest final block known. It never goes back in height, whichever endpoint answers.
#[derive(Debug)]
pub(super) struct Heads {
    rpc: RpcClient,
    poll_interval: Duration,
    newest: Mutex<Option<Arc<Tip>>>,
    /// Held while waiting: those who come meanwhile find the head that the holder learns.
    polls: tokio::sync::Mutex<Polls>,
}

#[derive(Debug, Default)]
struct Polls {
    last: Option<Instant>,
    /// When an answer was last above the head known before.
    moved: Option<Instant>,
}

impl Heads {
    pub(super) fn new(rpc: RpcClient, poll_interval: Duration) -> Self {
        Self { rpc, poll_interval, newest: Mutex::default(), polls: tokio::sync::Mutex::default() }
    }

    /// The newest final block known; asks nothing.
    pub(super) fn newest(&self) -> Option<Arc<Tip>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first final block that is learnt, which lies at `floor` or above.
    ///
    /// # Errors
    /// No endpoint answers, or all of them stand below `floor`.
    pub(super) async fn first(&self, floor: BlockHeight) -> Result<Arc<Tip>, BlockSourceError> {
        self.when(floor, |_| true).await
    }

    /// The final head once it is above `height`. A chain that stands still is waited for, however long.
    ///
    /// # Errors
    /// No endpoint answers.
    pub(super) async fn above(&self, height: BlockHeight) -> Result<Arc<Tip>, BlockSourceError> {
        self.when(0, |tip| tip.height() > height).await
    }

    /// Asks for the head once, unless another asks for it at this moment.
    ///
    /// # Errors
    /// No endpoint answers.
    pub(super) async fn refresh(&self) -> Result<(), BlockSourceError> {
        match self.polls.try_lock() {
            Ok(mut polls) => self.poll(&mut polls, 0).await,
            Err(_) => Ok(()),
        }
    }

    /// Forgets the newest head if the endpoint that gave it does not know it, for as long as an endpoint may lag, and leaves
    /// that endpoint out if another is trusted: a head that is not forgotten stands above all that honest ones name.
    pub(super) async fn drop_invented(&self, patience: Duration) -> bool {
        let Some(tip) = self.newest() else { return false };
        let giver = self.rpc.each().find(|rpc| *rpc.endpoint() == *tip.endpoint);
        let Some(giver) = giver.map(|rpc| rpc.with_retry(RetryPolicy::ONCE)) else { return false };
        let since = Instant::now();
        while matches!(giver.block(BlockRef::Hash(tip.view.header.hash)).await, Ok(None)) {
            if since.elapsed() >= patience {
                let (endpoint, height) = (&*tip.endpoint, tip.height());
                tracing::error!(endpoint, height, "blocks.head_invented");
                self.rpc.distrust(endpoint);
                let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
                newest.take_if(|newest| newest.view.header.hash == tip.view.header.hash);
                return true;
            }
            tokio::time::sleep(self.poll_interval).await;
        }
        false
    }

    async fn when(&self, floor: BlockHeight, is_wanted: impl Fn(&Tip) -> bool) -> Result<Arc<Tip>, BlockSourceError> {
        let known = || self.newest().filter(|tip| is_wanted(tip));
        if let Some(tip) = known() {
            return Ok(tip);
        }
        let mut polls = self.polls.lock().await;
        loop {
            if let Some(tip) = known() {
                return Ok(tip);
            }
            self.poll(&mut polls, floor).await?;
        }
    }

    async fn poll(&self, polls: &mut Polls, floor: BlockHeight) -> Result<(), BlockSourceError> {
        if let Some(last) = polls.last {
            tokio::time::sleep_until(last + self.poll_interval).await;
        }
        let known = self.newest().map(|tip| tip.height());
        let still_for = polls.moved.map_or(Duration::ZERO, |moved| moved.elapsed());
        let rpc = match known {
            // Endpoints that stand no higher are passed over; if none stands higher, that is no news.
            Some(height) if still_for > self.poll_interval * STILL => {
                self.rpc.with_retry(RetryPolicy::ONCE).with_min_height(height + 1)
            }
            Some(_) => self.rpc.clone(),
            None => self.rpc.with_min_height(floor),
        };
        let answer = rpc.block_from(BlockRef::Final).await;
        polls.last = Some(Instant::now());
        let answer = match answer {
            Err(ViewError::Rpc(RpcError::EndpointBehind { height, .. }))
                if known == Some(height) || known.is_some() && still_for < self.poll_interval * RESET =>
            {
                return Ok(());
            }
            answer => answer?,
        };
        let unknown = || ViewError::UnknownBlock { block: BlockRef::Final, endpoint: rpc.endpoint().to_owned() };
        let answer = answer.ok_or_else(unknown)?;
        if known.is_none_or(|height| answer.value.header.height > height) {
            polls.moved = polls.last;
            let tip = Tip { view: answer.value, endpoint: answer.endpoint };
            *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(tip));
        }
        Ok(())
    }
}
