//! Node status, validators and configuration.

use std::{collections::BTreeMap, sync::Arc};

use near_chain_configs::{ProtocolConfig, ProtocolConfigView};
use near_jsonrpc_primitives::types::{
    config::{RpcProtocolConfigError, RpcProtocolConfigRequest, RpcProtocolConfigResponse},
    maintenance::{RpcMaintenanceWindowsRequest, RpcMaintenanceWindowsResponse},
    network_info::RpcNetworkInfoResponse,
    status::RpcStatusResponse,
    validator::{RpcValidatorError, RpcValidatorRequest, RpcValidatorResponse, RpcValidatorsOrderedRequest},
};
use near_primitives::{
    types::{
        AccountId, BlockHeight, BlockId, BlockReference, EpochReference, ShardId, validator_stake::ValidatorStake,
    },
    version::{PROTOCOL_VERSION, Version},
    views::{
        CurrentEpochValidatorInfo, EpochValidatorInfo, NextEpochValidatorInfo, StatusResponse, StatusSyncInfo,
        validator_stake_view::ValidatorStakeView,
    },
};

use super::blocks;
use crate::{block::Block, chain::History, node::Node};

/// `status`.
pub fn status(node: &Node) -> RpcStatusResponse {
    let history = node.chain.history();
    let (head, earliest) = (history.head(), history.earliest());
    let time = |timestamp: u64| {
        near_time::Utc::from_unix_timestamp_nanos(i128::from(timestamp)).unwrap_or(near_time::Utc::UNIX_EPOCH)
    };
    let status_response = StatusResponse {
        version: Version {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: "piecework-localnet".to_owned(),
            commit: String::new(),
            rustc_version: String::new(),
        },
        chain_id: node.chain.genesis.config.chain_id.clone(),
        protocol_version: PROTOCOL_VERSION,
        latest_protocol_version: PROTOCOL_VERSION,
        rpc_addr: Some(node.rpc_addr.to_string()),
        validators: vec![near_primitives::views::ValidatorInfo { account_id: node.validator.account_id.clone() }],
        sync_info: StatusSyncInfo {
            latest_block_hash: head.hash,
            latest_block_height: head.height(),
            latest_state_root: head.state_root,
            latest_block_time: time(head.lite.timestamp),
            syncing: false,
            earliest_block_hash: Some(earliest.hash),
            earliest_block_height: Some(earliest.height()),
            earliest_block_time: Some(time(earliest.lite.timestamp)),
            epoch_id: Some(head.lite.epoch_id),
            epoch_start_height: Some(epoch_start(node, head.height())),
        },
        validator_account_id: Some(node.validator.account_id.clone()),
        validator_public_key: Some(node.validator.public_key.clone()),
        node_public_key: node.validator.public_key.clone(),
        // Deprecated, and not a node's key: nearcore gives the validator's.
        node_key: Some(node.validator.public_key.clone()),
        uptime_sec: i64::try_from(node.started.elapsed().as_secs()).unwrap_or(i64::MAX),
        genesis_hash: history.genesis().hash,
        detailed_debug_status: None,
    };
    RpcStatusResponse { status_response }
}

/// `network_info`: a node without peers.
pub fn network_info() -> RpcNetworkInfoResponse {
    RpcNetworkInfoResponse {
        active_peers: Vec::new(),
        num_active_peers: 0,
        peer_max_count: 0,
        sent_bytes_per_sec: 0,
        received_bytes_per_sec: 0,
        known_producers: Vec::new(),
    }
}

/// `validators`: the one validator of genesis produces everything.
pub fn validators(node: &Node, request: &RpcValidatorRequest) -> Result<RpcValidatorResponse, RpcValidatorError> {
    let history = node.chain.history();
    let block = match &request.epoch_reference {
        EpochReference::Latest => Arc::clone(history.head()),
        EpochReference::BlockId(block_id) => last_of_epoch(&history, block_id)?,
        EpochReference::EpochId(epoch_id) if *epoch_id == history.head().lite.epoch_id => Arc::clone(history.head()),
        EpochReference::EpochId(_) => return Err(RpcValidatorError::UnknownEpoch),
    };
    let epoch_start_height = epoch_start(node, block.height());
    let blocks = block.height() - epoch_start_height + 1;
    let shards = vec![ShardId::new(0)];
    let stakes = &node.chain.genesis.config.validators;
    let current_validators = stakes
        .iter()
        .map(|validator| CurrentEpochValidatorInfo {
            account_id: validator.account_id.clone(),
            public_key: validator.public_key.clone(),
            is_slashed: false,
            stake: validator.amount,
            shards_produced: shards.clone(),
            num_produced_blocks: blocks,
            num_expected_blocks: blocks,
            num_produced_chunks: blocks,
            num_expected_chunks: blocks,
            num_produced_chunks_per_shard: vec![blocks],
            num_expected_chunks_per_shard: vec![blocks],
            num_produced_endorsements: 0,
            num_expected_endorsements: 0,
            num_produced_endorsements_per_shard: vec![0],
            num_expected_endorsements_per_shard: vec![0],
            shards_endorsed: shards.clone(),
        })
        .collect();
    let next_validators = stakes
        .iter()
        .map(|validator| NextEpochValidatorInfo {
            account_id: validator.account_id.clone(),
            public_key: validator.public_key.clone(),
            stake: validator.amount,
            shards: shards.clone(),
        })
        .collect();
    let validator_info = EpochValidatorInfo {
        current_validators,
        next_validators,
        current_fishermen: Vec::new(),
        next_fishermen: Vec::new(),
        current_proposals: proposals(&history, epoch_start_height, &block).into_values().map(Into::into).collect(),
        prev_epoch_kickout: Vec::new(),
        epoch_start_height,
        epoch_height: block.epoch_height,
        validator_reward_paid_prev_epoch: Default::default(),
    };
    Ok(RpcValidatorResponse { validator_info })
}

/// A block stands for its epoch only if it is the last one of it.
fn last_of_epoch(history: &History, block_id: &BlockId) -> Result<Arc<Block>, RpcValidatorError> {
    let block = history.block(&BlockReference::BlockId(block_id.clone())).ok_or(RpcValidatorError::UnknownEpoch)?;
    let next = history.next_block(block.height()).ok_or(RpcValidatorError::UnknownEpoch)?;
    if block.lite.epoch_id == next.lite.epoch_id || block.lite.next_epoch_id != next.lite.epoch_id {
        return Err(RpcValidatorError::ValidatorInfoUnavailable);
    }
    Ok(block)
}

/// `maintenance_windows`: the validator is always at work, everybody else never is.
pub fn maintenance_windows(node: &Node, request: &RpcMaintenanceWindowsRequest) -> RpcMaintenanceWindowsResponse {
    if request.account_id == node.validator.account_id {
        return Vec::new();
    }
    let height = node.chain.history().head().height();
    let end = epoch_start(node, height) + node.chain.genesis.config.epoch_length.max(1);
    std::iter::once(height..end).collect()
}

/// `EXPERIMENTAL_validators_ordered`.
pub fn validators_ordered(
    node: &Node,
    request: RpcValidatorsOrderedRequest,
) -> Result<Vec<ValidatorStakeView>, RpcValidatorError> {
    if let Some(block_id) = request.block_id {
        let block = node.chain.history().block(&BlockReference::BlockId(block_id));
        block.ok_or(RpcValidatorError::UnknownEpoch)?;
    }
    Ok(node.chain.genesis.config.validators().into_iter().map(Into::into).collect())
}

/// `EXPERIMENTAL_protocol_config`.
pub fn protocol_config(
    node: &Node,
    request: RpcProtocolConfigRequest,
) -> Result<RpcProtocolConfigResponse, RpcProtocolConfigError> {
    let reference = request.block_reference;
    let history = node.chain.history();
    if history.block(&reference).is_none() {
        let error_message = blocks::missing(&history, &reference, "BLOCK HEADER");
        return Err(RpcProtocolConfigError::UnknownBlock { error_message });
    }
    let mut genesis_config = node.chain.genesis.config.clone();
    genesis_config.protocol_version = PROTOCOL_VERSION;
    let runtime_config = (*node.chain.runtime.config).clone();
    let config_view = ProtocolConfigView::from(ProtocolConfig { genesis_config, runtime_config });
    Ok(RpcProtocolConfigResponse { config_view })
}

/// The stakes asked for in an epoch up to a block; the last one of an account counts.
fn proposals(history: &History, epoch_start: BlockHeight, block: &Block) -> BTreeMap<AccountId, ValidatorStake> {
    let blocks = (epoch_start..=block.height()).filter_map(|height| history.block_at_height(height));
    let proposals = blocks.flat_map(|block| block.proposals.clone());
    proposals.map(|proposal| (proposal.account_id().clone(), proposal)).collect()
}

fn epoch_start(node: &Node, height: u64) -> u64 {
    let config = &node.chain.genesis.config;
    let length = config.epoch_length.max(1);
    config.genesis_height + height.saturating_sub(config.genesis_height) / length * length
}
