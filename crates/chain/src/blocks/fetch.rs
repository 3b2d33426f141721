//! Everything the contract did in one block, from a node's plain JSON-RPC.
//!
//! The block's data changes of the contract name the receipts that wrote them. A failed receipt writes nothing, so only
//! successful ones appear. Each receipt's outcome (with logs) and contents come from one call each.

use super::{BlockSourceError, ContractCall, ContractReceipt, FinalBlock, local, order};
use crate::{AccountId, BlockHeight, BlockRef, CryptoHash, RetryPolicy, RpcCallError, RpcClient, RpcError, ViewError};
use futures_util::{StreamExt, TryStreamExt, stream};
use near_jsonrpc_client::methods;
use near_jsonrpc_primitives::types::changes::RpcStateChangesInBlockByTypeRequest;
use near_jsonrpc_primitives::types::light_client::{RpcLightClientExecutionProofResponse, RpcLightClientProofError};
use near_jsonrpc_primitives::types::receipts::{ReceiptReference, RpcReceiptError, RpcReceiptRequest};
use near_primitives::types::{BlockId, BlockReference};
use near_primitives::views::{
    ActionView, BlockView, ExecutionOutcomeView, ExecutionStatusView, ReceiptEnumView, ReceiptView,
    StateChangeCauseView, StateChangeValueView, StateChangeWithCauseView, StateChangesRequestView,
};
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// What a block source reads and how much at once.
#[derive(Clone, Debug)]
pub struct BlockSourceConfig {
    /// The contract.
    pub contract: AccountId,
    /// Where to start without a cursor: the height of the contract's deployment, or less.
    pub start_height: BlockHeight,
    /// How often the tip is asked for when there is nothing else to do.
    pub poll_interval: Duration,
    /// How many blocks are fetched at once when behind.
    pub prefetch_blocks: usize,
    /// How many receipts are fetched at once, over all those blocks.
    pub receipts_in_flight: usize,
    /// The state key of the contract's root record; near-sdk's default is `STATE`.
    pub root_key: Vec<u8>,
    /// How often a node is asked for what it must soon have: the proof of a fresh outcome exists only once the
    /// next block does.
    pub patience: u32,
}

impl BlockSourceConfig {
    /// The defaults for a contract: poll every 200 ms, 16 blocks and 16 receipts at once.
    pub fn new(contract: AccountId, start_height: BlockHeight) -> Self {
        Self {
            contract,
            start_height,
            poll_interval: Duration::from_millis(200),
            prefetch_blocks: 16,
            receipts_in_flight: 16,
            root_key: b"STATE".to_vec(),
            patience: 50,
        }
    }
}

/// Fetches blocks of one contract.
#[derive(Debug)]
pub(super) struct Fetcher {
    pub(super) rpc: RpcClient,
    /// Asks each endpoint once; waiting and asking anew is done here, with a newer head.
    pub(super) impatient: RpcClient,
    pub(super) config: BlockSourceConfig,
    receipts_in_flight: Semaphore,
    /// A recent block for outcome proofs.
    head: Mutex<Option<(BlockHeight, CryptoHash)>>,
}

impl Fetcher {
    pub(super) fn new(rpc: RpcClient, config: BlockSourceConfig) -> Self {
        let receipts_in_flight = Semaphore::new(config.receipts_in_flight.max(1));
        Self { impatient: rpc.with_retry(RetryPolicy::ONCE), rpc, config, receipts_in_flight, head: Mutex::default() }
    }

    /// The block at a height; `None` if the height was skipped.
    pub(super) async fn at_height(
        &self,
        height: BlockHeight,
        head_height: BlockHeight,
    ) -> Result<Option<FinalBlock>, BlockSourceError> {
        match self.rpc.block(BlockRef::Height(height)).await? {
            Some(view) => self.read(view, head_height).await.map(Some),
            None => Ok(None),
        }
    }

    /// Completes a block whose header is known.
    pub(super) async fn read(&self, view: BlockView, head_height: BlockHeight) -> Result<FinalBlock, BlockSourceError> {
        let changes = self.changes(&view).await?;
        let receipt_ids = changed_by(&changes, &self.config.root_key);
        let mut receipts = Vec::new();
        if !receipt_ids.is_empty() {
            let head = self.head_above(view.header.height).await?;
            receipts = stream::iter(receipt_ids)
                .map(|receipt_id| self.receipt(&view, receipt_id, head))
                .buffered(self.config.receipts_in_flight.max(1))
                .try_collect()
                .await?;
        }
        order::sort(&mut receipts);
        Ok(FinalBlock {
            height: view.header.height,
            hash: view.header.hash,
            prev_hash: view.header.prev_hash,
            timestamp_ns: view.header.timestamp_nanosec,
            receipts,
            root: last_value(changes, &self.config.root_key),
            head_height,
        })
    }

    async fn changes(&self, view: &BlockView) -> Result<Vec<StateChangeWithCauseView>, BlockSourceError> {
        let hash = view.header.hash;
        let request = || RpcStateChangesInBlockByTypeRequest {
            block_reference: BlockReference::BlockId(BlockId::Hash(hash)),
            state_changes_request: StateChangesRequestView::DataChanges {
                account_ids: vec![self.config.contract.clone()],
                key_prefix: Vec::new().into(),
            },
        };
        let mut tries = Tries::new(self, hash, "its state changes".to_owned());
        loop {
            match self.impatient.call(request()).await {
                Ok(answer) => return Ok(answer.changes),
                // The block is known, so an endpoint that does not have it only lags or has dropped it.
                Err(error) => tries.after(error).await?,
            }
        }
    }

    async fn receipt(
        &self,
        view: &BlockView,
        receipt_id: CryptoHash,
        head: CryptoHash,
    ) -> Result<ContractReceipt, BlockSourceError> {
        // The semaphore is never closed, so the permit is only absent if it were.
        let _permit = self.receipts_in_flight.acquire().await.ok();
        let (outcome, contents) =
            tokio::try_join!(self.outcome(view, receipt_id, head), self.contents(view.header.hash, receipt_id))?;
        let contents = match contents {
            Some(contents) => Contents::try_from(contents)
                .map_err(|reason| BlockSourceError::Inconsistent { hash: view.header.hash, reason })?,
            None => local::contents(self, view, receipt_id).await?,
        };
        Ok(ContractReceipt {
            receipt_id,
            predecessor_id: contents.predecessor_id,
            signer_id: contents.signer_id,
            tx_hash: contents.tx_hash,
            calls: contents.calls,
            logs: outcome.logs,
            gas_burnt: outcome.gas_burnt.as_gas(),
            order: 0,
        })
    }

    async fn outcome(
        &self,
        view: &BlockView,
        receipt_id: CryptoHash,
        mut head: CryptoHash,
    ) -> Result<ExecutionOutcomeView, BlockSourceError> {
        type Method = Result<RpcLightClientExecutionProofResponse, RpcLightClientProofError>;
        let hash = view.header.hash;
        let mut tries = Tries::new(self, hash, format!("the outcome of receipt {receipt_id}"));
        loop {
            let params = serde_json::json!({
                "type": "receipt",
                "receipt_id": receipt_id,
                "receiver_id": self.config.contract,
                "light_client_head": head,
            });
            let proof =
                match self.impatient.call(methods::any::<Method>("EXPERIMENTAL_light_client_proof", params)).await {
                    Ok(answer) => answer.outcome_proof,
                    Err(error) => {
                        tries.after(error).await?;
                        head = self.newest_head().await?;
                        continue;
                    }
                };
            // The block the proof names is not checked: nearcore puts the block there that holds the outcome's root.
            let inconsistent = |reason: String| BlockSourceError::Inconsistent { hash, reason };
            if proof.id != receipt_id || proof.outcome.executor_id != self.config.contract {
                return Err(inconsistent(format!("the outcome of {receipt_id} is that of {}", proof.id)));
            }
            return match proof.outcome.status {
                ExecutionStatusView::SuccessValue(_) | ExecutionStatusView::SuccessReceiptId(_) => Ok(proof.outcome),
                _ => Err(inconsistent(format!("receipt {receipt_id} changed it but did not succeed"))),
            };
        }
    }

    /// A receipt's contents; `None` for receipts that nodes do not store (see [`local`]).
    async fn contents(
        &self,
        hash: CryptoHash,
        receipt_id: CryptoHash,
    ) -> Result<Option<ReceiptView>, BlockSourceError> {
        let mut tries = Tries::new(self, hash, format!("receipt {receipt_id}"));
        loop {
            let request = RpcReceiptRequest { receipt_reference: ReceiptReference { receipt_id } };
            match self.impatient.call(request).await {
                Ok(receipt) => return Ok(Some(receipt)),
                Err(RpcCallError::Handler { error: RpcReceiptError::UnknownReceipt { .. }, .. }) => return Ok(None),
                Err(error) => tries.after(error).await?,
            }
        }
    }

    /// A block to prove outcomes at `height` under: the outcome's root stands in the next block, and that one must lie
    /// below the head of the proof.
    async fn head_above(&self, height: BlockHeight) -> Result<CryptoHash, BlockSourceError> {
        let known = *self.head.lock().unwrap_or_else(PoisonError::into_inner);
        match known {
            Some((head_height, hash)) if head_height >= height.saturating_add(2) => Ok(hash),
            _ => self.newest_head().await,
        }
    }

    async fn newest_head(&self) -> Result<CryptoHash, BlockSourceError> {
        let block = BlockRef::Latest;
        let unknown = || ViewError::UnknownBlock { block, endpoint: self.rpc.endpoint().to_owned() };
        let header = self.rpc.block(block).await?.ok_or_else(unknown)?.header;
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = Some((header.height, header.hash));
        Ok(header.hash)
    }
}

/// What a receipt asked of the contract.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) predecessor_id: AccountId,
    pub(super) signer_id: AccountId,
    pub(super) tx_hash: Option<CryptoHash>,
    pub(super) calls: Vec<ContractCall>,
}

impl TryFrom<ReceiptView> for Contents {
    type Error = String;

    fn try_from(view: ReceiptView) -> Result<Self, String> {
        match view.receipt {
            ReceiptEnumView::Action { signer_id, actions, .. } => Ok(Self {
                predecessor_id: view.predecessor_id,
                signer_id,
                tx_hash: None,
                calls: function_calls(actions),
            }),
            _ => Err(format!("receipt {} changed it but carries no action", view.receipt_id)),
        }
    }
}

/// The function calls among a receipt's actions.
pub(super) fn function_calls(actions: Vec<ActionView>) -> Vec<ContractCall> {
    let call = |action| match action {
        ActionView::FunctionCall { method_name, args, gas, deposit } => {
            Some(ContractCall { method_name, args: args.into(), gas: gas.as_gas(), deposit: deposit.as_yoctonear() })
        }
        _ => None,
    };
    actions.into_iter().filter_map(call).collect()
}

/// The receipts that wrote, each once, in the order they wrote the root record, then the others.
///
/// A node lists changes by key and, within a key, in the order they happened; nearly every receipt writes the root.
fn changed_by(changes: &[StateChangeWithCauseView], root_key: &[u8]) -> Vec<CryptoHash> {
    let is_root = |change: &&StateChangeWithCauseView| key_of(change) == Some(root_key);
    let writers = changes.iter().filter(is_root).chain(changes.iter().filter(|change| !is_root(change)));
    let mut receipt_ids = Vec::new();
    for change in writers {
        if let StateChangeCauseView::ReceiptProcessing { receipt_hash } = change.cause
            && !receipt_ids.contains(&receipt_hash)
        {
            receipt_ids.push(receipt_hash);
        }
    }
    receipt_ids
}

fn key_of(change: &StateChangeWithCauseView) -> Option<&[u8]> {
    match &change.value {
        StateChangeValueView::DataUpdate { key, .. } | StateChangeValueView::DataDeletion { key, .. } => Some(key),
        _ => None,
    }
}

/// The last value written under a key.
fn last_value(changes: Vec<StateChangeWithCauseView>, wanted: &[u8]) -> Option<Vec<u8>> {
    changes.into_iter().rev().find_map(|change| match change.value {
        StateChangeValueView::DataUpdate { key, value, .. } if key.as_slice() == wanted => Some(value.into()),
        _ => None,
    })
}

/// The bounded waiting for something a node must soon have.
pub(super) struct Tries<'a> {
    fetcher: &'a Fetcher,
    hash: CryptoHash,
    what: String,
    made: u32,
}

impl<'a> Tries<'a> {
    pub(super) fn new(fetcher: &'a Fetcher, hash: CryptoHash, what: String) -> Self {
        Self { fetcher, hash, what, made: 0 }
    }

    /// Waits before another try, or gives up.
    pub(super) async fn again(&mut self, endpoint: String, reason: impl Display) -> Result<(), BlockSourceError> {
        self.made += 1;
        if self.made > self.fetcher.config.patience {
            let (hash, what) = (self.hash, self.what.clone());
            return Err(BlockSourceError::Unavailable { hash, what, endpoint, reason: reason.to_string() });
        }
        self.pause().await;
        Ok(())
    }

    /// Waits before another try if the failure may pass, or gives up.
    pub(super) async fn after<E: Display>(&mut self, error: RpcCallError<E>) -> Result<(), BlockSourceError> {
        match error {
            RpcCallError::Handler { endpoint, error } => self.again(endpoint, error).await,
            RpcCallError::Rpc(error) if error.is_transient() && self.made < self.fetcher.config.patience => {
                self.made += 1;
                self.pause().await;
                Ok(())
            }
            RpcCallError::Rpc(error) => Err(RpcError::into(error)),
        }
    }

    async fn pause(&self) {
        tokio::time::sleep(self.fetcher.config.poll_interval.min(Duration::from_millis(100))).await;
    }
}
