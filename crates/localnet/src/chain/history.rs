//! The blocks that are kept, and indices to find things in them.

mod follow;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use near_primitives::{
    hash::CryptoHash,
    merkle::MerklePath,
    receipt::Receipt,
    transaction::SignedTransaction,
    types::{BlockHeight, BlockId, BlockReference, Finality, SyncCheckpoint},
};

use super::retention::{Cut, Keep};
use crate::{
    block::{Block, MerkleTree, OutcomePlace},
    store::{Archive, IdKind, Segment},
};

/// Without a disk: outcomes kept at most, so that a busy chain does not fill the memory (one takes 4 to 10 kB with
/// its block)…
const MAX_OUTCOMES: usize = 200_000;
/// With a disk: blocks in memory at least, so that the states of what is not final yet can be read, however large
/// the blocks are.
const MIN_RECENT: usize = 16;
/// With a disk: size of the logs at most…
const MAX_LOG_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// …unless so few blocks would be left that clients lose the thread.
const MIN_BLOCKS: usize = 1_000;

/// Kept blocks. The newest are in memory with their states; with a disk, older ones are in its archive. Readers see
/// those from the cut on; what is older goes when it is convenient.
#[derive(Clone)]
pub struct History {
    genesis: Arc<Block>,
    keep: Keep,
    cut: Cut,
    recent: BTreeMap<BlockHeight, Arc<Block>>,
    archive: Archive,
    heights: HashMap<CryptoHash, BlockHeight>,
    outcomes: HashMap<CryptoHash, OutcomePlace>,
    transactions: HashMap<CryptoHash, Arc<SignedTransaction>>,
    receipts: HashMap<CryptoHash, (BlockHeight, Arc<Receipt>)>,
    tree: MerkleTree,
    head: Arc<Block>,
}

impl History {
    /// The history of a chain with these recent blocks, oldest first.
    pub fn new(genesis: Arc<Block>, recent: Vec<Arc<Block>>, archive: Archive, tree: MerkleTree, keep: Keep) -> Self {
        let archived = archive.segments().flat_map(|segment| &segment.blocks).map(|place| (place.hash, place.height));
        let mut history = Self {
            heights: archived.chain([(genesis.hash, genesis.height())]).collect(),
            head: Arc::clone(&genesis),
            keep,
            cut: Cut::at(&genesis),
            genesis,
            recent: BTreeMap::new(),
            archive,
            outcomes: HashMap::new(),
            transactions: HashMap::new(),
            receipts: HashMap::new(),
            tree,
        };
        recent.into_iter().for_each(|block| history.insert(block));
        history.raise_cut_to_oldest();
        history.collect_garbage();
        history
    }

    /// Adds the next block.
    pub fn push(&mut self, block: Arc<Block>) {
        self.tree.push(block.hash);
        self.insert(block);
        self.collect_garbage();
    }

    fn insert(&mut self, block: Arc<Block>) {
        let height = block.height();
        self.heights.insert(block.hash, height);
        for (index, outcome) in block.outcomes.iter().enumerate() {
            self.outcomes.insert(outcome.id, OutcomePlace { height, index });
        }
        for tx in &block.transactions {
            self.transactions.insert(tx.get_hash(), Arc::clone(tx));
        }
        for receipt in &block.created {
            self.receipts.insert(*receipt.receipt_id(), (height, Arc::clone(receipt)));
        }
        self.recent.insert(height, Arc::clone(&block));
        self.head = block;
    }

    /// Without a disk: forgets the oldest block after genesis if more are held than wanted, or too much in them.
    pub fn prune(&mut self) -> bool {
        let full = self.outcomes.len() > MAX_OUTCOMES && self.recent.len() > MIN_BLOCKS;
        if self.recent.len() <= self.keep.blocks().max(MIN_BLOCKS) && !full {
            return false;
        }
        let Some(block) = self.forget_oldest() else { return false };
        self.heights.remove(&block.hash);
        self.tree.forget(leaves(block.ordinal));
        self.raise_cut_to_oldest();
        true
    }

    /// Drops the oldest block from memory if it is below `height`, where the archive has its log.
    pub fn page_out(&mut self, height: BlockHeight) -> bool {
        let old = self.recent.first_key_value().is_some_and(|(oldest, _)| *oldest < height);
        old && self.recent.len() > MIN_RECENT && self.forget_oldest().is_some()
    }

    fn forget_oldest(&mut self) -> Option<Arc<Block>> {
        let (_, block) = self.recent.pop_first()?;
        for outcome in &block.outcomes {
            self.outcomes.remove(&outcome.id);
        }
        for tx in &block.transactions {
            self.transactions.remove(&tx.get_hash());
        }
        for receipt in &block.created {
            self.receipts.remove(receipt.receipt_id());
        }
        Some(block)
    }

    /// Adds a finished log.
    pub fn archive(&mut self, first: BlockHeight, segment: Segment) {
        self.archive.add(first, segment);
    }

    /// Forgets the oldest log if enough blocks remain without it, or the logs are too large, and it ends before
    /// `height`; says which.
    pub fn forget_log(&mut self, height: BlockHeight) -> Option<BlockHeight> {
        let oldest = self.archive.oldest()?;
        let last = oldest.blocks.last().map_or(0, |place| place.height);
        let without = self.archive.len() - oldest.blocks.len();
        let too_large = self.archive.bytes() > MAX_LOG_BYTES && without >= MIN_BLOCKS;
        if without < self.keep.blocks().max(MIN_BLOCKS) && !too_large || last >= height || self.is_recent(last) {
            return None;
        }
        let (first, segment) = self.archive.forget_oldest()?;
        self.forget_blocks(&segment);
        self.raise_cut_to_oldest();
        Some(first)
    }

    fn forget_blocks(&mut self, segment: &Segment) {
        for place in &segment.blocks {
            self.heights.remove(&place.hash);
        }
        self.tree.forget(segment.blocks.last().map_or(0, |place| leaves(place.ordinal)));
    }

    /// Moves the cut to where nearcore's garbage collector would have got with this head.
    fn collect_garbage(&mut self) {
        match self.keep {
            Keep::Epochs { .. } => {
                let stop = self.keep.stop(self.genesis.height(), self.head.height());
                if stop > self.cut.stop {
                    let height = self.kept_at_or_below(stop - 1).unwrap_or(self.cut.height).max(self.cut.height);
                    self.cut = Cut { height, before: self.kept_before(height), stop, ..self.cut };
                }
            }
            Keep::Blocks(count) => {
                while self.head.ordinal.saturating_sub(self.cut.ordinal) >= count
                    && let Some(height) = self.kept_above(self.cut.height)
                {
                    let Cut { height: before, ordinal, .. } = self.cut;
                    self.cut = Cut { height, before, ordinal: ordinal + 1, stop: height };
                }
            }
        }
    }

    /// What is gone already cannot be seen either.
    fn raise_cut_to_oldest(&mut self) {
        let archived = self.archive.oldest().and_then(|segment| segment.blocks.first());
        let archived = archived.map(|place| (place.height, place.ordinal));
        let recent = self.recent.first_key_value().map(|(height, block)| (*height, block.ordinal));
        let Some((height, ordinal)) = archived.into_iter().chain(recent).min() else { return };
        // Genesis is never lost, so the block after it has its parent.
        if ordinal > self.genesis.ordinal + 1 && height > self.cut.height {
            self.cut = Cut { height, ordinal, before: height, stop: self.cut.stop.max(height) };
        }
    }

    /// The tree over all block hashes.
    pub fn tree(&self) -> &MerkleTree {
        &self.tree
    }

    /// The oldest block whose state can be read.
    pub fn oldest_with_state(&self) -> &Arc<Block> {
        self.recent.first_key_value().map_or(&self.head, |(_, block)| block)
    }

    /// The newest block.
    pub fn head(&self) -> &Arc<Block> {
        &self.head
    }

    /// The first block.
    pub fn genesis(&self) -> &Arc<Block> {
        &self.genesis
    }

    /// The oldest block that can be seen: genesis, as long as nothing has been collected.
    pub fn earliest(&self) -> Arc<Block> {
        self.block_at_height(self.cut.height).unwrap_or_else(|| Arc::clone(&self.head))
    }

    /// The height below which queries by height are refused. The newest block below it can still be seen.
    pub fn gc_stop(&self) -> BlockHeight {
        self.cut.stop
    }

    /// The hash of a block that has been collected, as long as it is known.
    pub fn collected(&self, height: BlockHeight) -> Option<CryptoHash> {
        (height < self.cut.height).then(|| self.kept_block(height))?.map(|block| block.hash)
    }

    /// The block a request means.
    pub fn block(&self, reference: &BlockReference) -> Option<Arc<Block>> {
        match reference {
            BlockReference::BlockId(BlockId::Height(height)) => self.block_at_height(*height),
            BlockReference::BlockId(BlockId::Hash(hash)) => self.block_by_hash(hash),
            BlockReference::Finality(Finality::None) => Some(Arc::clone(&self.head)),
            BlockReference::Finality(Finality::DoomSlug) => self.finalised(&self.head.last_ds_final),
            BlockReference::Finality(Finality::Final) => self.finalised(&self.head.last_final),
            BlockReference::SyncCheckpoint(SyncCheckpoint::Genesis) => Some(Arc::clone(&self.genesis)),
            BlockReference::SyncCheckpoint(SyncCheckpoint::EarliestAvailable) => Some(self.earliest()),
        }
    }

    /// A block by hash.
    pub fn block_by_hash(&self, hash: &CryptoHash) -> Option<Arc<Block>> {
        self.block_at_height(self.height_of(hash)?)
    }

    /// The height of the block with this hash.
    pub fn height_of(&self, hash: &CryptoHash) -> Option<BlockHeight> {
        self.heights.get(hash).copied().filter(|height| self.is_seen(*height))
    }

    /// The block a header names as final. The first headers name none, which makes genesis the final one.
    fn finalised(&self, hash: &CryptoHash) -> Option<Arc<Block>> {
        if *hash == CryptoHash::default() { Some(Arc::clone(&self.genesis)) } else { self.block_by_hash(hash) }
    }

    /// The block at exactly this height.
    pub fn block_at_height(&self, height: BlockHeight) -> Option<Arc<Block>> {
        if self.is_seen(height) { self.kept_block(height) } else { None }
    }

    fn kept_block(&self, height: BlockHeight) -> Option<Arc<Block>> {
        if height == self.genesis.height() {
            return Some(Arc::clone(&self.genesis));
        }
        self.recent.get(&height).cloned().or_else(|| self.archive.block(height))
    }

    /// The block after the one at `height`.
    pub fn next_block(&self, height: BlockHeight) -> Option<Arc<Block>> {
        self.block_at_height(self.kept_above(height)?.max(self.cut.height))
    }

    /// The newest block at or below `height`.
    pub fn block_at_or_below(&self, height: BlockHeight) -> Option<Arc<Block>> {
        let found = self.kept_at_or_below(height).unwrap_or(self.genesis.height());
        self.block_at_height(found).filter(|block| block.height() <= height)
    }

    fn kept_above(&self, height: BlockHeight) -> Option<BlockHeight> {
        let recent = self.recent.range(height + 1..).next().map(|(height, _)| *height);
        self.archive.height_above(height).into_iter().chain(recent).min()
    }

    fn kept_at_or_below(&self, height: BlockHeight) -> Option<BlockHeight> {
        let recent = self.recent.range(..=height).next_back().map(|(height, _)| *height);
        recent.or_else(|| self.archive.height_at_or_below(height))
    }

    fn kept_before(&self, height: BlockHeight) -> BlockHeight {
        height.checked_sub(1).and_then(|below| self.kept_at_or_below(below)).unwrap_or(height)
    }

    fn is_seen(&self, height: BlockHeight) -> bool {
        height >= self.cut.height
    }

    fn is_recent(&self, height: BlockHeight) -> bool {
        height >= self.oldest_with_state().height()
    }

    /// Whether the state after the block at `height` can still be read.
    pub fn has_state(&self, height: BlockHeight) -> bool {
        self.is_seen(height) && self.is_recent(height)
    }

    /// The height of the last final block.
    pub fn final_height(&self) -> BlockHeight {
        self.height_of(&self.head.last_final).unwrap_or(self.genesis.height())
    }

    /// Whether the block at `height` is final.
    pub fn is_final(&self, height: BlockHeight) -> bool {
        height <= self.final_height()
    }

    /// Where the outcome of a transaction or receipt is.
    pub fn outcome(&self, id: &CryptoHash) -> Option<OutcomePlace> {
        let place = self.outcomes.get(id).copied().or_else(|| self.archive.find(id, IdKind::Outcome));
        place.filter(|place| self.is_seen(place.height))
    }

    /// A transaction by hash.
    pub fn transaction(&self, hash: &CryptoHash) -> Option<Arc<SignedTransaction>> {
        let place = self.outcome(hash)?;
        if let Some(tx) = self.transactions.get(hash) {
            return Some(Arc::clone(tx));
        }
        let block = self.archive.block(place.height)?;
        block.transactions.iter().find(|tx| tx.get_hash() == *hash).cloned()
    }

    /// A receipt by id, which is kept as long as the chunk that brought it: one block longer than what created it.
    pub fn receipt(&self, id: &CryptoHash) -> Option<Arc<Receipt>> {
        let (created_at, receipt) = self.find_receipt(id)?;
        (created_at >= self.cut.before).then_some(receipt)
    }

    /// A receipt by id, also an older one that waited until now.
    pub fn any_receipt(&self, id: &CryptoHash) -> Option<Arc<Receipt>> {
        self.find_receipt(id).map(|(_, receipt)| receipt)
    }

    fn find_receipt(&self, id: &CryptoHash) -> Option<(BlockHeight, Arc<Receipt>)> {
        if let Some((height, receipt)) = self.receipts.get(id) {
            return Some((*height, Arc::clone(receipt)));
        }
        let block = self.archive.block(self.archive.find(id, IdKind::Created)?.height)?;
        let receipt = block.created.iter().find(|receipt| receipt.receipt_id() == id)?;
        Some((block.height(), Arc::clone(receipt)))
    }

    /// Root of the tree of all block hashes up to and without the next block.
    pub fn block_merkle_root(&self) -> CryptoHash {
        self.tree.root(leaves(self.head.ordinal))
    }

    /// Proof that `block` is an ancestor of `head`, against `head`'s block Merkle root.
    pub fn block_proof(&self, block: &Block, head: &Block) -> MerklePath {
        // The tree a header commits to holds the blocks before it.
        self.tree.path(leaves(block.ordinal) - 1, leaves(head.ordinal) - 1)
    }
}

fn leaves(ordinal: u64) -> usize {
    usize::try_from(ordinal).unwrap_or(usize::MAX)
}
