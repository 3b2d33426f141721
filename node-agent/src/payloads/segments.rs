//! Which segment of a batch an item is in, checked against the digest of appended segments on chain.

use std::collections::BTreeMap;

use piecework_api::BatchSegment;
use piecework_interface::{
    ids::{BatchId, Digest},
    merkle,
    storage::URI_MAX,
    view::OpenBatch,
};
use serde::{Deserialize, Serialize};

use crate::gateway::{Gateway, GatewayError, SEGMENTS};

/// Bytes of a URI at most: what the contract takes, where a NUL may stand as three.
const URI_BYTES_MAX: usize = 3 * URI_MAX;

/// Segments that are kept in hand, from the one that was asked for last on. Others are read anew, from the first on.
const KEPT: usize = 512;
/// Segments of a batch that are read at most.
const READ_MAX: usize = 1 << 16;

/// The segments of a batch up to an item, of which the chain's record had the digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Digest of the appended segments up to `next_item`.
    #[serde(with = "hex::serde")]
    digest: Digest,
    /// First item that is not in them.
    next_item: u32,
    /// Some of them, by first item. Where a manifest is is the gateway's word.
    segments: BTreeMap<u32, BatchSegment>,
}

/// Why a segment is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum SegmentError {
    /// The gateway does not give what was asked for.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// What it gives is not what the chain says.
    #[error("the gateway's segments are not those on chain: use another gateway; nothing is claimed")]
    Other,
    /// It does not have all of them.
    #[error("the gateway does not have its newest segments yet: it is behind the chain")]
    Behind,
    /// There are more than an agent reads.
    #[error("it has more than {READ_MAX} segments; nothing is claimed")]
    Many,
}

impl Known {
    /// The segment with this item, and whether something was learned on the way. What is learned counts only once the digest is
    /// the chain's.
    pub async fn find(
        &mut self,
        gateway: &Gateway,
        (batch, item): (BatchId, u32),
        open: &OpenBatch,
        height: u64,
    ) -> Result<(BatchSegment, bool), SegmentError> {
        if let Some(segment) = self.segment(item) {
            return Ok((segment.clone(), false));
        }
        // It was dropped: all are read again, and those from it on are kept.
        let mut next = if item < self.next_item { Self::default() } else { self.clone() };
        let mut read = 0;
        while next.digest != open.appended || next.next_item == 0 {
            let page = gateway.segments(batch, next.next_item, height).await?;
            let is_last = page.len() < SEGMENTS;
            for segment in page {
                if next.digest == open.appended && next.next_item > 0 {
                    // The gateway is ahead of the facts.
                    break;
                }
                next.add(segment, open, item)?;
                read += 1;
            }
            // A page that is not full is the last, so that a gateway cannot give one at a time.
            if is_last && next.digest != open.appended {
                return Err(SegmentError::Behind);
            }
            if read > READ_MAX {
                return Err(SegmentError::Many);
            }
        }
        let wanted = next.segment(item).cloned().ok_or(SegmentError::Other)?;
        *self = next;
        Ok((wanted, true))
    }

    /// Drops a segment whose manifest is not where the gateway said: another gateway may know better.
    pub fn distrust(&mut self, first_item: u32) {
        self.segments.remove(&first_item);
    }

    fn segment(&self, item: u32) -> Option<&BatchSegment> {
        let (_, segment) = self.segments.range(..=item).next_back()?;
        (item - segment.first_item < segment.items).then_some(segment)
    }

    /// Adds the next segment. Its items follow the last, and there are no more of them than the batch has. It is kept if `item`
    /// or what comes after it is in it.
    fn add(&mut self, segment: BatchSegment, open: &OpenBatch, item: u32) -> Result<(), SegmentError> {
        let end = segment.first_item.checked_add(segment.items).filter(|end| *end <= open.items);
        let is_next = segment.first_item == self.next_item && segment.items > 0 && segment.uri.len() <= URI_BYTES_MAX;
        let is_first = segment.first_item > 0 || segment.manifest == open.manifest;
        let (Some(end), true, true) = (end, is_next, is_first) else { return Err(SegmentError::Other) };
        self.digest = segment.after(if self.next_item == 0 { &merkle::EMPTY } else { &self.digest });
        self.next_item = end;
        if end > item && self.segments.len() >= KEPT {
            self.segments.retain(|_, known| known.first_item.saturating_add(known.items) > item);
        }
        if end > item && self.segments.len() < KEPT {
            self.segments.insert(segment.first_item, segment);
        }
        Ok(())
    }
}
