//! Blocks, chunks and gas prices.

use std::sync::Arc;

use near_crypto::{KeyType, Signature};
use near_jsonrpc_primitives::types::{
    blocks::{RpcBlockError, RpcBlockRequest, RpcBlockResponse},
    chunks::{ChunkReference, RpcChunkError, RpcChunkRequest, RpcChunkResponse},
    congestion::{RpcCongestionLevelError, RpcCongestionLevelRequest, RpcCongestionLevelResponse},
    gas_price::{RpcGasPriceError, RpcGasPriceRequest, RpcGasPriceResponse},
};
use near_primitives::{
    bandwidth_scheduler::BandwidthRequests,
    congestion_info::CongestionControl,
    hash::{CryptoHash, hash},
    sharding::ChunkHash,
    types::{Balance, BlockId, BlockReference, ShardId},
    version::PROTOCOL_VERSION,
    views::{
        BlockHeaderView, BlockView, ChunkHeaderView, ChunkView, GasPriceView, validator_stake_view::ValidatorStakeView,
    },
};

use super::light_client;
use crate::{block::Block, chain::History, node::Node};

/// `block`.
pub fn block(node: &Node, request: RpcBlockRequest) -> Result<RpcBlockResponse, RpcBlockError> {
    let history = node.chain.history();
    let block = history.block(&request.block_reference).ok_or_else(|| RpcBlockError::UnknownBlock {
        error_message: missing(&history, &request.block_reference, "BLOCK"),
    })?;
    Ok(RpcBlockResponse { block_view: block_view(node, &history, &block) })
}

/// A block as clients see it.
pub fn block_view(node: &Node, history: &History, block: &Block) -> BlockView {
    let parent = parent(history, block);
    BlockView {
        author: node.validator.account_id.clone(),
        header: header_view(node, block, parent.as_deref()),
        chunks: vec![chunk_header_view(block, parent.as_deref())],
    }
}

/// The header of a block's only chunk.
pub fn chunk_header(history: &History, block: &Block) -> ChunkHeaderView {
    chunk_header_view(block, parent(history, block).as_deref())
}

fn parent(history: &History, block: &Block) -> Option<Arc<Block>> {
    block.prev_height.and_then(|_| history.block_by_hash(&block.prev_hash))
}

/// `chunk`.
pub fn chunk(node: &Node, request: RpcChunkRequest) -> Result<RpcChunkResponse, RpcChunkError> {
    let history = node.chain.history();
    let block = block_of_chunk(&history, request.chunk_reference)?;
    let chunk_view = ChunkView {
        author: node.validator.account_id.clone(),
        header: chunk_header(&history, &block),
        transactions: block.transactions.iter().map(|tx| (**tx).clone().into()).collect(),
        receipts: block.incoming.iter().map(|receipt| (**receipt).clone().into()).collect(),
    };
    Ok(RpcChunkResponse { chunk_view })
}

/// `EXPERIMENTAL_congestion_level`, which like a chunk's header speaks of what the parent's chunk left.
pub fn congestion_level(
    node: &Node,
    request: RpcCongestionLevelRequest,
) -> Result<RpcCongestionLevelResponse, RpcCongestionLevelError> {
    let history = node.chain.history();
    let block = block_of_chunk(&history, request.chunk_reference)?;
    let congestion = parent(&history, &block).map(|parent| parent.congestion).unwrap_or_default();
    let config = node.chain.runtime.config.congestion_control_config;
    let congestion_level = CongestionControl::new(config, congestion, 0).congestion_level();
    Ok(RpcCongestionLevelResponse { congestion_level })
}

fn block_of_chunk(history: &History, reference: ChunkReference) -> Result<Arc<Block>, RpcChunkError> {
    match reference {
        ChunkReference::BlockShardId { block_id, shard_id } => {
            let reference = BlockReference::BlockId(block_id);
            let block = history
                .block(&reference)
                .ok_or_else(|| RpcChunkError::UnknownBlock { error_message: missing(history, &reference, "BLOCK") })?;
            if shard_id != ShardId::new(0) {
                return Err(RpcChunkError::InvalidShardId { shard_id });
            }
            Ok(block)
        }
        ChunkReference::ChunkHash { chunk_id } => {
            let block = history.block_by_hash(&Block::hash_of_chunk(&chunk_id));
            block.ok_or(RpcChunkError::UnknownChunk { chunk_hash: ChunkHash(chunk_id) })
        }
    }
}

/// `gas_price`.
pub fn gas_price(node: &Node, request: RpcGasPriceRequest) -> Result<RpcGasPriceResponse, RpcGasPriceError> {
    let history = node.chain.history();
    let reference = request.block_id.map_or_else(BlockReference::latest, BlockReference::BlockId);
    let block = history.block(&reference).ok_or_else(|| RpcGasPriceError::UnknownBlock {
        error_message: missing(&history, &reference, "BLOCK HEADER"),
    })?;
    Ok(RpcGasPriceResponse { gas_price_view: GasPriceView { gas_price: block.next_gas_price } })
}

/// The entry of the database that nearcore misses when it looks for a block (`BLOCK`) or a header only (`BLOCK HEADER`).
pub fn missing(history: &History, reference: &BlockReference, entry: &str) -> String {
    match reference {
        BlockReference::BlockId(BlockId::Hash(block_hash)) => format!("{entry}: {block_hash}"),
        // Which block there was at a height is remembered longer than the block.
        BlockReference::BlockId(BlockId::Height(height)) => match history.collected(*height) {
            Some(block_hash) => format!("{entry}: {block_hash}"),
            None => format!("BLOCK HEIGHT: {height}"),
        },
        BlockReference::Finality(_) | BlockReference::SyncCheckpoint(_) => format!("{reference:?}"),
    }
}

fn header_view(node: &Node, block: &Block, parent: Option<&Block>) -> BlockHeaderView {
    let lite = &block.lite;
    let approval = block.prev_height.map(|prev| light_client::approval(node, &block.prev_hash, prev, block.height()));
    let signature = match block.prev_height {
        Some(_) => node.validator.secret_key.sign(block.hash.as_bytes()),
        None => Signature::empty(KeyType::ED25519),
    };
    BlockHeaderView {
        height: lite.height,
        prev_height: block.prev_height,
        epoch_id: lite.epoch_id.0,
        next_epoch_id: lite.next_epoch_id.0,
        hash: block.hash,
        prev_hash: block.prev_hash,
        prev_state_root: lite.prev_state_root,
        block_body_hash: Some(block.chunk_hash()),
        chunk_receipts_root: CryptoHash::default(),
        chunk_headers_root: CryptoHash::default(),
        chunk_tx_root: CryptoHash::default(),
        outcome_root: lite.prev_outcome_root,
        chunks_included: 1,
        challenges_root: CryptoHash::default(),
        timestamp: lite.timestamp,
        timestamp_nanosec: lite.timestamp,
        random_value: block.random_value,
        validator_proposals: proposals(parent),
        chunk_mask: vec![true],
        gas_price: block.next_gas_price,
        block_ordinal: Some(block.ordinal),
        rent_paid: Balance::ZERO,
        validator_reward: Balance::ZERO,
        total_supply: block.total_supply,
        challenges_result: Vec::new(),
        last_final_block: block.last_final,
        last_ds_final_block: block.last_ds_final,
        next_bp_hash: lite.next_bp_hash,
        block_merkle_root: lite.block_merkle_root,
        epoch_sync_data_hash: None,
        approvals: approval.into_iter().map(|approval| Some(Box::new(approval))).collect(),
        signature,
        latest_protocol_version: PROTOCOL_VERSION,
        // The only validator endorses the only chunk with one bit; genesis has no endorsement.
        chunk_endorsements: Some(block.prev_height.map(|_| vec![1]).into_iter().collect()),
        shard_split: None,
        prev_last_certified_block_epoch_id: None,
        spice_chunk_endorsement_stats: None,
        chunk_execution_root: None,
    }
}

/// A chunk header speaks of what the parent's chunk did, as nearcore's does.
fn chunk_header_view(block: &Block, parent: Option<&Block>) -> ChunkHeaderView {
    let encoded_length = block.transactions.iter().map(|tx| tx.get_size()).sum();
    ChunkHeaderView {
        chunk_hash: block.chunk_hash(),
        prev_block_hash: block.prev_hash,
        outcome_root: parent.map_or_else(CryptoHash::default, |parent| parent.outcome_root()),
        prev_state_root: block.lite.prev_state_root,
        encoded_merkle_root: hash(block.chunk_hash().as_bytes()),
        encoded_length,
        height_created: block.height(),
        height_included: block.height(),
        shard_id: ShardId::new(0),
        gas_used: parent.map_or_else(Default::default, |parent| parent.gas_used),
        gas_limit: block.gas_limit,
        rent_paid: Balance::ZERO,
        validator_reward: Balance::ZERO,
        balance_burnt: parent.map_or(Balance::ZERO, |parent| parent.tokens_burnt),
        outgoing_receipts_root: CryptoHash::default(),
        tx_root: CryptoHash::default(),
        validator_proposals: proposals(parent),
        congestion_info: Some(parent.map(|parent| parent.congestion).unwrap_or_default().into()),
        bandwidth_requests: Some(BandwidthRequests::empty()),
        proposed_split: None,
        signature: Signature::empty(KeyType::ED25519),
    }
}

/// The stakes that the parent's chunk asked for.
fn proposals(parent: Option<&Block>) -> Vec<ValidatorStakeView> {
    parent.map_or_else(Vec::new, |parent| parent.proposals.iter().cloned().map(Into::into).collect())
}
