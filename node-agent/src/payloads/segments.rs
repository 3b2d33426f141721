//! Which segment of a batch an item is in, checked against the digest of appended segments on chain.

use std::collections::BTreeMap;

use piecework_api::BatchSegment;
use piecework_interface::{
    ids::{BatchId, Digest},
    merkle,
    view::OpenBatch,
};
use serde::{Deserialize, Serialize};

use crate::gateway::{Gateway, GatewayError};

/// Segments that are kept in hand: the newest. Older ones are read anew, from the first on.
const KEPT: usize = 512;

/// The segments of a batch up to an item, of which the chain's record had the digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Digest of the appended segments up to `next_item`.
    #[serde(with = "hex::serde")]
    digest: Digest,
    /// First item that is not in them.
    next_item: u32,
    /// The newest of them, by first item.
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
        // It was dropped: all are read again, for this one.
        let mut next = if item < self.next_item { Self::default() } else { self.clone() };
        let mut wanted = None;
        while next.digest != open.appended || next.next_item == 0 {
            let page = gateway.segments(batch, next.next_item, height).await?;
            if page.is_empty() {
                return Err(SegmentError::Behind);
            }
            for segment in page {
                if next.digest == open.appended && next.next_item > 0 {
                    // The gateway is ahead of the facts.
                    break;
                }
                next.add(segment, open)?;
                wanted = wanted.or_else(|| next.segment(item).cloned());
            }
        }
        let wanted = wanted.ok_or(SegmentError::Other)?;
        let is_new = next.next_item > self.next_item;
        if is_new {
            *self = next;
        }
        Ok((wanted, is_new))
    }

    fn segment(&self, item: u32) -> Option<&BatchSegment> {
        let (_, segment) = self.segments.range(..=item).next_back()?;
        (item - segment.first_item < segment.items).then_some(segment)
    }

    /// Adds the next segment. Its items follow the last, and there are no more of them than the batch has.
    fn add(&mut self, segment: BatchSegment, open: &OpenBatch) -> Result<(), SegmentError> {
        let end = segment.first_item.checked_add(segment.items).filter(|end| *end <= open.items);
        let is_next = segment.first_item == self.next_item && segment.items > 0;
        let is_first = segment.first_item > 0 || segment.manifest == open.manifest;
        let (Some(end), true, true) = (end, is_next, is_first) else { return Err(SegmentError::Other) };
        self.digest = segment.after(if self.next_item == 0 { &merkle::EMPTY } else { &self.digest });
        self.next_item = end;
        self.segments.insert(segment.first_item, segment);
        if self.segments.len() > KEPT {
            self.segments.pop_first();
        }
        Ok(())
    }
}
