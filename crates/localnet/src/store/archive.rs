//! Blocks that are only on disk.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use near_primitives::{hash::CryptoHash, types::BlockHeight};
use parking_lot::Mutex;

use super::{IdKind, Segment};
use crate::block::{Block, OutcomePlace};

/// Blocks kept after reading, for whoever asks about several things in them.
const RECENT: usize = 4;

/// The finished logs.
#[derive(Default)]
pub struct Archive {
    segments: BTreeMap<BlockHeight, Arc<Segment>>,
    recent: Mutex<VecDeque<Arc<Block>>>,
}

/// The same logs, which are opened once.
impl Clone for Archive {
    fn clone(&self) -> Self {
        Self { segments: self.segments.clone(), recent: Mutex::default() }
    }
}

impl Archive {
    /// Adds a finished log by the height its file is named after.
    pub fn add(&mut self, first: BlockHeight, segment: Segment) {
        self.segments.insert(first, Arc::new(segment));
    }

    /// Adds another archive's logs after its own, as far as they end at or below `height`.
    pub fn take_over(&mut self, other: &Self, height: BlockHeight) {
        let own = self.segments.last_key_value().map_or(0, |(first, _)| first + 1);
        let ended = |segment: &Segment| segment.blocks.last().is_none_or(|place| place.height <= height);
        let more = other.segments.range(own..).take_while(|(_, segment)| ended(segment));
        self.segments.extend(more.map(|(first, segment)| (*first, Arc::clone(segment))));
    }

    /// Forgets the oldest logs that another archive no longer has, and returns them.
    pub fn forget_as(&mut self, other: &Self) -> Vec<Arc<Segment>> {
        let mut gone = Vec::new();
        while let Some(first) = self.segments.first_key_value().map(|(first, _)| *first)
            && !other.segments.contains_key(&first)
            && let Some((_, segment)) = self.forget_oldest()
        {
            gone.push(segment);
        }
        gone
    }

    /// Forgets the oldest log and returns it.
    pub fn forget_oldest(&mut self) -> Option<(BlockHeight, Arc<Segment>)> {
        self.recent.get_mut().clear();
        self.segments.pop_first()
    }

    /// The oldest log.
    pub fn oldest(&self) -> Option<&Segment> {
        self.segments.first_key_value().map(|(_, segment)| &**segment)
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.segments.values().map(|segment| segment.blocks.len()).sum()
    }

    /// Size of all logs.
    pub fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// All logs, oldest first.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.values().map(|segment| &**segment)
    }

    /// The height of the newest block at or below `height`.
    pub fn height_at_or_below(&self, height: BlockHeight) -> Option<BlockHeight> {
        let newest_first = self.segments.range(..=height).rev().flat_map(|(_, segment)| segment.blocks.iter().rev());
        newest_first.map(|place| place.height).find(|found| *found <= height)
    }

    /// The height of the oldest block above `height`.
    pub fn height_above(&self, height: BlockHeight) -> Option<BlockHeight> {
        let own = self.segments.range(..=height).next_back();
        let later = self.segments.range(height.saturating_add(1)..).next();
        own.into_iter().chain(later).find_map(|(_, segment)| {
            let position = segment.blocks.partition_point(|place| place.height <= height);
            segment.blocks.get(position).map(|place| place.height)
        })
    }

    /// The block at this height.
    pub fn block(&self, height: BlockHeight) -> Option<Arc<Block>> {
        let (_, segment) = self.segments.range(..=height).next_back()?;
        let index = segment.blocks.binary_search_by_key(&height, |place| place.height).ok()?;
        if let Some(block) = self.recent.lock().iter().find(|block| block.height() == height) {
            return Some(Arc::clone(block));
        }
        let block = match segment.block(&segment.blocks[index]) {
            Ok(block) => Arc::new(block),
            Err(error) => {
                tracing::error!(height, %error, "a block cannot be read from disk");
                return None;
            }
        };
        let mut recent = self.recent.lock();
        recent.push_back(Arc::clone(&block));
        if recent.len() > RECENT {
            recent.pop_front();
        }
        Some(block)
    }

    /// Where an id is.
    pub fn find(&self, id: &CryptoHash, kind: IdKind) -> Option<OutcomePlace> {
        self.segments.values().rev().find_map(|segment| {
            segment.find(id, kind).unwrap_or_else(|error| {
                tracing::error!(%id, %error, "an index cannot be read from disk");
                None
            })
        })
    }
}
