//! One block and its single chunk, with all that executing it produced.

mod merkle;

use std::{
    io::{Read, Write},
    sync::Arc,
};

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::{
    block_header::BlockHeaderInnerLite,
    congestion_info::CongestionInfo,
    hash::CryptoHash,
    merkle::{MerklePath, combine_hash},
    receipt::Receipt,
    transaction::{ExecutionOutcomeWithId, ExecutionOutcomeWithIdAndProof, SignedTransaction},
    types::{Balance, BlockHeight, EpochHeight, EpochId, Gas, validator_stake::ValidatorStake},
    views::ExecutionOutcomeWithIdView,
};

pub use merkle::MerkleTree;

use crate::{
    runtime::BlockContext,
    state::{ChangeLog, KeyChanges},
};

/// How a chunk's hash differs from its block's.
const CHUNK_MARK: u8 = 0xff;

/// A block. Its hash is made like nearcore's from `lite` and a hash of the rest, so light clients verify it.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// The part of the header that light clients see.
    pub lite: BlockHeaderInnerLite,
    /// Hash of the rest of the header.
    pub inner_rest_hash: CryptoHash,
    /// The block's hash.
    pub hash: CryptoHash,
    /// The parent.
    pub prev_hash: CryptoHash,
    /// The parent's height; heights skip after a fast-forward.
    pub prev_height: Option<BlockHeight>,
    /// Number of the block, counting from genesis at 1.
    pub ordinal: u64,
    /// Last final block as of this one.
    pub last_final: CryptoHash,
    /// Last doomslug-final block as of this one.
    pub last_ds_final: CryptoHash,
    /// The random value all seeds of this block's receipts are derived from.
    pub random_value: CryptoHash,
    /// The gas price receipts of this block burn at.
    pub gas_price: Balance,
    /// The gas price of the next block.
    pub next_gas_price: Balance,
    /// Compute and gas a chunk may use.
    pub gas_limit: Gas,
    /// Epochs since genesis.
    pub epoch_height: EpochHeight,
    /// NEAR in existence after this block.
    pub total_supply: Balance,
    /// Transactions of the chunk.
    pub transactions: Vec<Arc<SignedTransaction>>,
    /// Receipts that arrived for execution.
    pub incoming: Vec<Arc<Receipt>>,
    /// Outcomes in order of execution.
    pub outcomes: Vec<ExecutionOutcomeWithId>,
    /// For every outcome the transaction it goes back to.
    pub origins: Vec<CryptoHash>,
    /// Receipts created, those executed at once included.
    pub created: Vec<Arc<Receipt>>,
    /// State changes by key.
    #[borsh(serialize_with = "write_changes", deserialize_with = "read_changes")]
    pub changes: ChangeLog,
    /// Tree over the outcomes; the next header commits to its root.
    #[borsh(skip)]
    pub outcome_tree: MerkleTree,
    /// Commitment to the state after this block; the next header carries it.
    pub state_root: CryptoHash,
    /// Receipts that wait because chunks are full.
    pub congestion: CongestionInfo,
    /// Gas burnt.
    pub gas_used: Gas,
    /// yoctoNEAR burnt.
    pub tokens_burnt: Balance,
    /// Stakes that were asked for.
    pub proposals: Vec<ValidatorStake>,
}

/// Where an outcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomePlace {
    /// The block that executed it.
    pub height: BlockHeight,
    /// Its place among the block's outcomes.
    pub index: usize,
}

impl Block {
    /// The block's height.
    pub fn height(&self) -> BlockHeight {
        self.lite.height
    }

    /// Merkle root of this block's outcomes.
    pub fn outcome_root(&self) -> CryptoHash {
        self.outcome_tree.root(self.outcomes.len())
    }

    /// The path from an outcome to [`Self::outcome_root`].
    pub fn outcome_path(&self, index: usize) -> MerklePath {
        self.outcome_tree.path(index, self.outcomes.len())
    }

    /// An outcome with its proof.
    pub fn outcome_view(&self, index: usize) -> Option<ExecutionOutcomeWithIdView> {
        let outcome_with_id = self.outcomes.get(index)?.clone();
        let (proof, block_hash) = (self.outcome_path(index), self.hash);
        Some(ExecutionOutcomeWithIdAndProof { proof, block_hash, outcome_with_id }.into())
    }

    /// Hash of the block's only chunk: the block's with every bit flipped, so that one leads to the other.
    pub fn chunk_hash(&self) -> CryptoHash {
        flip(&self.hash)
    }

    /// The block hash that belongs to a chunk hash.
    pub fn hash_of_chunk(chunk_hash: &CryptoHash) -> CryptoHash {
        flip(chunk_hash)
    }

    /// Reads a block from the bytes borsh made of it.
    ///
    /// # Errors
    /// If the bytes are not a block.
    pub fn from_bytes(bytes: &mut &[u8]) -> std::io::Result<Self> {
        let mut block = Self::deserialize(bytes)?;
        block.outcome_tree = MerkleTree::of_outcomes(&block.outcomes);
        Ok(block)
    }

    /// What contracts can see of the block.
    pub fn context(&self) -> BlockContext {
        BlockContext {
            height: self.lite.height,
            timestamp: self.lite.timestamp,
            epoch_height: self.epoch_height,
            gas_price: self.gas_price,
            gas_limit: self.gas_limit,
            random_value: self.random_value,
        }
    }
}

/// The block hash from its three parts.
pub(crate) fn block_hash(
    lite: &BlockHeaderInnerLite,
    inner_rest_hash: &CryptoHash,
    prev_hash: &CryptoHash,
) -> CryptoHash {
    combine_hash(&combine_hash(&CryptoHash::hash_borsh(lite), inner_rest_hash), prev_hash)
}

/// The id of an epoch: nearcore uses a block hash, here the epoch's number is enough.
pub(crate) fn epoch_id(genesis_hash_seed: &CryptoHash, epoch_height: EpochHeight) -> EpochId {
    EpochId(CryptoHash::hash_borsh((genesis_hash_seed, epoch_height)))
}

fn flip(hash: &CryptoHash) -> CryptoHash {
    CryptoHash(hash.0.map(|byte| byte ^ CHUNK_MARK))
}

/// The raw keys follow from the typed ones and are left out.
fn write_changes<W: Write>(changes: &ChangeLog, writer: &mut W) -> std::io::Result<()> {
    u32::try_from(changes.len()).map_err(std::io::Error::other)?.serialize(writer)?;
    changes.values().try_for_each(|change| change.serialize(writer))
}

fn read_changes<R: Read>(reader: &mut R) -> std::io::Result<ChangeLog> {
    let changes: Vec<KeyChanges> = BorshDeserialize::deserialize_reader(reader)?;
    Ok(changes.into_iter().map(|change| (change.trie_key.to_vec(), change)).collect())
}
