//! The blocks that are kept, and indices to find things in them.

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

use super::{block::Block, merkle::MerkleTree};

/// Outcomes kept at most, so that a busy chain does not fill the memory (one takes 4 to 10 kB with its block)…
const MAX_OUTCOMES: usize = 200_000;
/// …unless so few blocks would be left that clients lose the thread.
const MIN_BLOCKS: usize = 1_000;

/// Where an outcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomePlace {
    /// The block that executed it.
    pub height: BlockHeight,
    /// Its place among the block's outcomes.
    pub index: usize,
}

/// Kept blocks, newest last. Genesis is always kept.
pub struct History {
    genesis: Arc<Block>,
    blocks: BTreeMap<BlockHeight, Arc<Block>>,
    heights: HashMap<CryptoHash, BlockHeight>,
    chunks: HashMap<CryptoHash, BlockHeight>,
    outcomes: HashMap<CryptoHash, OutcomePlace>,
    transactions: HashMap<CryptoHash, Arc<SignedTransaction>>,
    receipts: HashMap<CryptoHash, Arc<Receipt>>,
    created: BTreeMap<BlockHeight, Vec<CryptoHash>>,
    tree: MerkleTree,
    head: Arc<Block>,
}

impl History {
    /// The history of a chain that has only its genesis.
    pub fn new(genesis: Arc<Block>) -> Self {
        let mut history = Self {
            genesis: Arc::clone(&genesis),
            blocks: BTreeMap::new(),
            heights: HashMap::new(),
            chunks: HashMap::new(),
            outcomes: HashMap::new(),
            transactions: HashMap::new(),
            receipts: HashMap::new(),
            created: BTreeMap::new(),
            tree: MerkleTree::default(),
            head: Arc::clone(&genesis),
        };
        history.push(genesis, Vec::new());
        history
    }

    /// Adds the next block and the receipts it created.
    pub fn push(&mut self, block: Arc<Block>, created: Vec<Receipt>) {
        let height = block.height();
        self.heights.insert(block.hash, height);
        self.chunks.insert(block.chunk_hash(), height);
        for (index, outcome) in block.outcomes.iter().enumerate() {
            self.outcomes.insert(outcome.id, OutcomePlace { height, index });
        }
        for tx in &block.transactions {
            self.transactions.insert(tx.get_hash(), Arc::clone(tx));
        }
        if !created.is_empty() {
            self.created.insert(height, created.iter().map(|receipt| *receipt.receipt_id()).collect());
        }
        self.receipts.extend(created.into_iter().map(|receipt| (*receipt.receipt_id(), Arc::new(receipt))));
        self.tree.push(block.hash);
        self.blocks.insert(height, Arc::clone(&block));
        self.head = block;
    }

    /// Forgets the oldest block after genesis if more than `keep` are held, or too much in them, and returns it.
    pub fn prune(&mut self, keep: usize) -> Option<Arc<Block>> {
        let full = self.outcomes.len() > MAX_OUTCOMES && self.blocks.len() > MIN_BLOCKS;
        if self.blocks.len() <= keep.max(MIN_BLOCKS) && !full {
            return None;
        }
        let oldest = self.blocks.keys().copied().find(|height| *height != self.genesis.height())?;
        let block = self.blocks.remove(&oldest)?;
        self.heights.remove(&block.hash);
        self.chunks.remove(&block.chunk_hash());
        for outcome in &block.outcomes {
            self.outcomes.remove(&outcome.id);
        }
        for tx in &block.transactions {
            self.transactions.remove(&tx.get_hash());
        }
        for receipt_id in self.created.remove(&oldest).unwrap_or_default() {
            self.receipts.remove(&receipt_id);
        }
        Some(block)
    }

    /// The newest block.
    pub fn head(&self) -> &Arc<Block> {
        &self.head
    }

    /// The first block.
    pub fn genesis(&self) -> &Arc<Block> {
        &self.genesis
    }

    /// The oldest kept block after genesis, or genesis.
    pub fn earliest(&self) -> &Arc<Block> {
        let genesis = self.genesis.height();
        self.blocks.values().find(|block| block.height() != genesis).unwrap_or(&self.genesis)
    }

    /// The block a request means.
    pub fn block(&self, reference: &BlockReference) -> Option<&Arc<Block>> {
        match reference {
            BlockReference::BlockId(BlockId::Height(height)) => self.blocks.get(height),
            BlockReference::BlockId(BlockId::Hash(hash)) => self.block_by_hash(hash),
            BlockReference::Finality(Finality::None) => Some(&self.head),
            BlockReference::Finality(Finality::DoomSlug) => self.finalised(&self.head.last_ds_final),
            BlockReference::Finality(Finality::Final) => self.finalised(&self.head.last_final),
            BlockReference::SyncCheckpoint(SyncCheckpoint::Genesis) => Some(&self.genesis),
            BlockReference::SyncCheckpoint(SyncCheckpoint::EarliestAvailable) => Some(self.earliest()),
        }
    }

    /// A block by hash.
    pub fn block_by_hash(&self, hash: &CryptoHash) -> Option<&Arc<Block>> {
        self.blocks.get(self.heights.get(hash)?)
    }

    /// The block a header names as final. The first headers name none, which makes genesis the final one.
    fn finalised(&self, hash: &CryptoHash) -> Option<&Arc<Block>> {
        if *hash == CryptoHash::default() { Some(&self.genesis) } else { self.block_by_hash(hash) }
    }

    /// The block at exactly this height.
    pub fn block_at_height(&self, height: BlockHeight) -> Option<&Arc<Block>> {
        self.blocks.get(&height)
    }

    /// A block by the hash of its chunk.
    pub fn block_by_chunk(&self, chunk_hash: &CryptoHash) -> Option<&Arc<Block>> {
        self.blocks.get(self.chunks.get(chunk_hash)?)
    }

    /// The block after the one at `height`.
    pub fn next_block(&self, height: BlockHeight) -> Option<&Arc<Block>> {
        self.blocks.range(height + 1..).next().map(|(_, block)| block)
    }

    /// Whether the state after the block at `height` can still be read. Genesis loses its once later blocks go.
    pub fn has_state(&self, height: BlockHeight) -> bool {
        height >= self.earliest().height() || self.earliest().prev_hash == self.genesis.hash
    }

    /// Whether the block at `height` is final.
    pub fn is_final(&self, height: BlockHeight) -> bool {
        self.finalised(&self.head.last_final).is_some_and(|last| height <= last.height())
    }

    /// Where the outcome of a transaction or receipt is.
    pub fn outcome(&self, id: &CryptoHash) -> Option<OutcomePlace> {
        self.outcomes.get(id).copied()
    }

    /// A transaction by hash.
    pub fn transaction(&self, hash: &CryptoHash) -> Option<&Arc<SignedTransaction>> {
        self.transactions.get(hash)
    }

    /// A receipt by id.
    pub fn receipt(&self, id: &CryptoHash) -> Option<&Arc<Receipt>> {
        self.receipts.get(id)
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
