//! Where things begin: the history that endpoints keep, the contract, and the chain behind a hole of heights.
//!
//! A node answers `UNKNOWN_BLOCK` for a height that was skipped, for one that it has dropped, and for one below the
//! chain's first block. These questions tell the three apart.

use super::{BlockSourceError, Cursor};
use crate::{AccountId, BlockHeight, BlockRef, CryptoHash, RpcClient, RpcError, ViewError};
use near_primitives::views::AccountView;

/// The lowest block that any endpoint says it keeps.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) height: BlockHeight,
    pub(super) endpoint: String,
    /// Why an endpoint could not be asked, which may keep more.
    unasked: Option<RpcError>,
}

impl Kept {
    /// The lowest of what all endpoints say; `None` if no endpoint says where its history begins.
    pub(super) async fn ask(rpc: &RpcClient) -> Result<Option<Self>, BlockSourceError> {
        let (mut lowest, mut unasked) = (None, None);
        for rpc in rpc.each() {
            match rpc.status().await {
                Ok(status) => {
                    let told = match status.sync_info.earliest_block_height {
                        Some(height) => Some(archived_from(&rpc, height).await?.unwrap_or(height)),
                        None => None,
                    };
                    let lower = told.filter(|told| lowest.as_ref().is_none_or(|(lowest, _)| told < lowest));
                    lowest = lower.map(|height| (height, rpc.endpoint().to_owned())).or(lowest);
                }
                Err(ViewError::Rpc(error)) => unasked = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        match (lowest, unasked) {
            (Some((height, endpoint)), unasked) => Ok(Some(Self { height, endpoint, unasked })),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Ok(None),
        }
    }

    /// The error that blocks are gone, unless an endpoint may have them that does not answer now.
    pub(super) fn gone(self, needs: Needs) -> BlockSourceError {
        match self.unasked {
            Some(error) if error.is_transient() => error.into(),
            _ => BlockSourceError::HistoryGone { needs, kept_from: self.height, endpoint: self.endpoint },
        }
    }
}

/// The height of the chain's first block, if this endpoint keeps more than it says: an archive names the beginning of its
/// newest history only. A node that prunes may still have the first block, but not the parent of its earliest.
async fn archived_from(rpc: &RpcClient, earliest: BlockHeight) -> Result<Option<BlockHeight>, BlockSourceError> {
    let Some(block) = rpc.block(BlockRef::Height(earliest)).await? else { return Ok(None) };
    if rpc.block(BlockRef::Hash(block.header.prev_hash)).await?.is_none() {
        return Ok(None);
    }
    let Ok(config) = rpc.call_any("EXPERIMENTAL_genesis_config", serde_json::Value::Null).await else {
        return Ok(None);
    };
    let Some(height) = config["genesis_height"].as_u64() else { return Ok(None) };
    Ok(rpc.block(BlockRef::Height(height)).await?.map(|_| height))
}

/// What a reader needs blocks for that no endpoint keeps any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// It goes on after the last block that it has taken in.
    After(Cursor),
    /// It begins at a height that it was given.
    Start(BlockHeight),
    /// It begins where this contract was deployed.
    Deployment(AccountId),
}

/// What a state says of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Absent,
    Present,
    /// The state is not kept any more.
    Gone,
}

/// The height of the contract's deployment, or less: the first block whose state has its code.
///
/// The contract must not have been removed since, or an earlier deployment may be found. One question for each bit of
/// the history's length.
pub(super) async fn deployment(
    rpc: &RpcClient,
    contract: &AccountId,
    tip: BlockHeight,
) -> Result<BlockHeight, BlockSourceError> {
    let account = rpc.view_account(contract, BlockRef::Final).await?;
    let account = account.ok_or_else(|| ViewError::UnknownAccount(contract.clone()))?;
    if !has_code(&account.value) {
        return Err(ViewError::NoContract(contract.clone()).into());
    }
    let kept = Kept::ask(rpc).await?;
    let lowest = kept.as_ref().map_or(0, |kept| kept.height);
    let Some((mut low, mut presence)) = presence(rpc, contract, lowest, tip).await? else {
        // No state below the tip: the endpoint has just begun, or says nonsense.
        return match kept {
            Some(kept) if !is_genesis(rpc, kept.height).await? => Err(kept.gone(Needs::Deployment(contract.clone()))),
            _ => Ok(lowest.min(tip)),
        };
    };
    if presence == Presence::Present {
        return match kept {
            Some(kept) if !is_genesis(rpc, low).await? => Err(kept.gone(Needs::Deployment(contract.clone()))),
            _ => Ok(low),
        };
    }
    let mut high = tip;
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        match self::presence(rpc, contract, middle, high).await? {
            None | Some((_, Presence::Present)) => high = middle,
            Some((height, other)) => (low, presence) = (height, other),
        }
    }
    match kept {
        Some(kept) if presence == Presence::Gone => Err(kept.gone(Needs::Deployment(contract.clone()))),
        _ => Ok(high),
    }
}

/// Whether the contract begins at the lowest block kept or later, so that nothing before it matters.
pub(super) async fn begins_later(
    rpc: &RpcClient,
    contract: &AccountId,
    kept: &Kept,
    tip: BlockHeight,
) -> Result<bool, BlockSourceError> {
    Ok(match presence(rpc, contract, kept.height, tip).await? {
        Some((_, Presence::Absent)) | None => true,
        Some((height, Presence::Present)) => is_genesis(rpc, height).await?,
        Some((_, Presence::Gone)) => false,
    })
}

/// What the state of the first block at or above `from` and below `below` says. Steps double, so a block may be passed
/// over; `None` if none was met.
async fn presence(
    rpc: &RpcClient,
    contract: &AccountId,
    from: BlockHeight,
    below: BlockHeight,
) -> Result<Option<(BlockHeight, Presence)>, BlockSourceError> {
    let (mut height, mut step) = (from, 1_u64);
    while height < below {
        let presence = match rpc.view_account(contract, BlockRef::Height(height)).await {
            Ok(Some(account)) if has_code(&account.value) => Some(Presence::Present),
            Ok(_) => Some(Presence::Absent),
            Err(ViewError::GarbageCollected(..)) => Some(Presence::Gone),
            Err(ViewError::UnknownBlock { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(presence) = presence {
            return Ok(Some((height, presence)));
        }
        height = height.saturating_add(step);
        step = step.saturating_mul(2);
    }
    Ok(None)
}

fn has_code(account: &AccountView) -> bool {
    account.code_hash != CryptoHash::default()
        || account.global_contract_hash.is_some()
        || account.global_contract_account_id.is_some()
}

async fn is_genesis(rpc: &RpcClient, height: BlockHeight) -> Result<bool, BlockSourceError> {
    let block = rpc.block(BlockRef::Height(height)).await?;
    Ok(block.is_some_and(|block| block.header.prev_hash == CryptoHash::default()))
}

/// Questions after which a hole is given up: the answers are made to have no end.
const CROSSING: u32 = 4_096;

/// The height of the first block at or above `from`, where `tip` is the height of one.
///
/// Headers name their parent's height, so a hole is crossed in steps that double: up from `from` to any block, then
/// down from it to the hole's end. O(log²) questions for one hole.
pub(super) async fn first_from(
    rpc: &RpcClient,
    from: BlockHeight,
    tip: BlockHeight,
) -> Result<BlockHeight, BlockSourceError> {
    let at = |height: BlockHeight| async move {
        let block = rpc.block(BlockRef::Height(height)).await?;
        Ok::<_, BlockSourceError>(block.map(|block| (height, block.header.prev_height)))
    };
    let hidden = |below| BlockSourceError::Hidden { from, below };
    let (mut height, mut step) = (from, 1_u64);
    let mut found = None;
    while found.is_none() && height < tip {
        found = at(height).await?;
        height = height.saturating_add(step);
        step = step.saturating_mul(2);
    }
    let mut found = match found {
        Some(found) => found,
        None => at(tip).await?.ok_or_else(|| hidden(tip))?,
    };
    let (mut step, mut asked) = (0_u64, 0);
    while let (_, Some(parent)) = found
        && parent >= from
    {
        asked += 1;
        if asked > CROSSING {
            return Err(hidden(found.0));
        }
        let lower = parent.saturating_sub(step).max(from);
        match at(lower).await? {
            Some(block) => (found, step) = (block, step.saturating_mul(2).saturating_add(1)),
            None if lower == parent => return Err(hidden(found.0)),
            None => step = 0,
        }
    }
    Ok(found.0)
}
