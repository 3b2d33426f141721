//! Everything the contract did in one block, from a node's plain JSON-RPC.
//!
//! The block's data changes of the contract name the receipts that wrote them. A failed receipt writes nothing, so only
//! successful ones appear. Each receipt's outcome (with logs) and contents come from one call each.

mod local;

use super::heads::Heads;
use super::tries::Tries;
use super::{BlockSourceError, ContractCall, ContractReceipt, FinalBlock, order};
use crate::rpc::{Answer, RpcMethod};
use crate::{AccountId, BlockHeight, BlockRef, CryptoHash, RetryPolicy, RpcCallError, RpcClient};
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
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What a block source reads and how much at once.
#[derive(Clone, Debug)]
pub struct BlockSourceConfig {
    /// The contract.
    pub contract: AccountId,
    /// Where to start without a cursor: the height of the contract's deployment, or less; `None` looks for it.
    pub start_height: Option<BlockHeight>,
    /// How often the tip is asked for when there is nothing else to do.
    pub poll_interval: Duration,
    /// How many blocks are fetched at once when behind.
    pub prefetch_blocks: usize,
    /// How many receipts are fetched at once, over all those blocks.
    pub receipts_in_flight: usize,
    /// The state key of the contract's root record; near-sdk's default is `STATE`.
    pub root_key: Vec<u8>,
    /// How long a node is asked for what it must soon have, such as a block that another endpoint gave. The next final
    /// block is waited for without an end: a chain may stand still.
    pub patience: Duration,
}

impl BlockSourceConfig {
    /// The defaults for a contract: poll every 200 ms, 16 blocks and 16 receipts at once, patience of 30 s.
    pub fn new(contract: AccountId, start_height: impl Into<Option<BlockHeight>>) -> Self {
        Self {
            contract,
            start_height: start_height.into(),
            poll_interval: Duration::from_millis(200),
            prefetch_blocks: 16,
            receipts_in_flight: 16,
            root_key: b"STATE".to_vec(),
            patience: Duration::from_secs(30),
        }
    }
}

/// A block, and what is needed to put it into its place.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) block: FinalBlock,
    /// The parent's height; headers of NEAR's first years lack it.
    pub(super) prev_height: Option<BlockHeight>,
    /// The endpoint that gave the block.
    pub(super) endpoint: Arc<str>,
}

/// Fetches blocks of one contract.
#[derive(Debug)]
pub(super) struct Fetcher {
    pub(super) rpc: RpcClient,
    /// Asks each endpoint once; waiting and asking anew is done here.
    pub(super) impatient: RpcClient,
    pub(super) config: BlockSourceConfig,
    pub(super) heads: Heads,
    receipts_in_flight: Semaphore,
}

impl Fetcher {
    pub(super) fn new(rpc: RpcClient, config: BlockSourceConfig) -> Self {
        let receipts_in_flight = Semaphore::new(config.receipts_in_flight.max(1));
        let heads = Heads::new(rpc.clone(), config.poll_interval);
        Self { impatient: rpc.with_retry(RetryPolicy::ONCE), rpc, config, heads, receipts_in_flight }
    }

    /// The block at a height; `None` if no endpoint knows it.
    pub(super) async fn at_height(
        &self,
        height: BlockHeight,
        head_height: BlockHeight,
    ) -> Result<Option<Fetched>, BlockSourceError> {
        match self.rpc.block_from(BlockRef::Height(height)).await? {
            Some(answer) => self.read(&answer.value, answer.endpoint, head_height).await.map(Some),
            None => Ok(None),
        }
    }

    /// Completes a block whose header is known.
    pub(super) async fn read(
        &self,
        view: &BlockView,
        endpoint: Arc<str>,
        head_height: BlockHeight,
    ) -> Result<Fetched, BlockSourceError> {
        let changes = self.changes(view).await?;
        let receipt_ids = changed_by(&changes, &self.config.root_key);
        let mut receipts = Vec::new();
        if !receipt_ids.is_empty() {
            // The outcomes' root stands in the next block, under which alone they can be proven, once it is final.
            self.heads.above(view.header.height).await?;
            receipts = stream::iter(receipt_ids)
                .map(|receipt_id| self.receipt(view, receipt_id))
                .buffered(self.config.receipts_in_flight.max(1))
                .try_collect()
                .await?;
        }
        order::sort(&mut receipts);
        let block = FinalBlock {
            height: view.header.height,
            hash: view.header.hash,
            prev_hash: view.header.prev_hash,
            timestamp_ns: view.header.timestamp_nanosec,
            receipts,
            root: last_value(changes, &self.config.root_key),
            head_height,
        };
        Ok(Fetched { block, prev_height: view.header.prev_height, endpoint })
    }

    pub(super) fn tries(&self, hash: CryptoHash, what: impl Into<String>) -> Tries {
        Tries::new(hash, what.into(), self.config.patience)
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
        // The block is known, so an endpoint that does not have it only lags or has dropped it.
        Ok(self.patiently(hash, "its state changes", request).await?.changes)
    }

    /// The answer to a request about a block, asked again for as long as patience lasts.
    async fn patiently<M: RpcMethod<Error: Display>>(
        &self,
        hash: CryptoHash,
        what: impl Into<String>,
        request: impl Fn() -> M,
    ) -> Result<M::Response, BlockSourceError> {
        let mut tries = self.tries(hash, what);
        loop {
            match self.impatient.call(request()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => tries.after(error).await?,
            }
        }
    }

    async fn receipt(&self, view: &BlockView, receipt_id: CryptoHash) -> Result<ContractReceipt, BlockSourceError> {
        // The semaphore is never closed, so the permit is only absent if it were.
        let _permit = self.receipts_in_flight.acquire().await.ok();
        let (outcome, contents) = tokio::try_join!(self.outcome(view, receipt_id), self.contents(view, receipt_id))?;
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

    /// A receipt's outcome, proven under the newest final head. A node refuses a head that it does not hold for final,
    /// and a block whose outcomes no final block commits to yet.
    async fn outcome(
        &self,
        view: &BlockView,
        receipt_id: CryptoHash,
    ) -> Result<ExecutionOutcomeView, BlockSourceError> {
        type Method = Result<RpcLightClientExecutionProofResponse, RpcLightClientProofError>;
        let hash = view.header.hash;
        let mut tries = self.tries(hash, format!("the outcome of receipt {receipt_id}"));
        loop {
            let head = self.heads.above(view.header.height).await?;
            let params = serde_json::json!({
                "type": "receipt",
                "receipt_id": receipt_id,
                "receiver_id": self.config.contract,
                "light_client_head": head.view.header.hash,
            });
            let request = methods::any::<Method>("EXPERIMENTAL_light_client_proof", params);
            let Answer { value, endpoint } = match self.impatient.call_from(request, |_| Ok(None)).await {
                Ok(answer) => answer,
                Err(error) => {
                    tries.after(error).await?;
                    self.heads.refresh().await?;
                    continue;
                }
            };
            let proof = value.outcome_proof;
            // The block the proof names is not checked: nearcore puts the block there that holds the outcome's root.
            let inconsistent =
                |reason: String| BlockSourceError::Inconsistent { hash, reason, endpoint: endpoint.to_string() };
            if proof.id != receipt_id || proof.outcome.executor_id != self.config.contract {
                return Err(inconsistent(format!("the outcome of {receipt_id} is that of {}", proof.id)));
            }
            return match proof.outcome.status {
                ExecutionStatusView::SuccessValue(_) | ExecutionStatusView::SuccessReceiptId(_) => Ok(proof.outcome),
                _ => Err(inconsistent(format!("receipt {receipt_id} changed it but did not succeed"))),
            };
        }
    }

    /// A receipt's contents. Those that nodes do not store are made from their transaction (see [`local`]).
    async fn contents(&self, view: &BlockView, receipt_id: CryptoHash) -> Result<Contents, BlockSourceError> {
        let hash = view.header.hash;
        let mut tries = self.tries(hash, format!("receipt {receipt_id}"));
        loop {
            let request = RpcReceiptRequest { receipt_reference: ReceiptReference { receipt_id } };
            match self.impatient.call_from(request, |_| Ok(None)).await {
                Ok(Answer { value, endpoint }) => {
                    let endpoint = endpoint.to_string();
                    return Contents::try_from(value).map_err(|reason| BlockSourceError::Inconsistent {
                        hash,
                        reason,
                        endpoint,
                    });
                }
                // Either it is not stored, or this endpoint has not got so far.
                Err(RpcCallError::Handler { error: RpcReceiptError::UnknownReceipt { .. }, endpoint }) => {
                    if let Some(contents) = local::contents(self, view, receipt_id).await? {
                        return Ok(contents);
                    }
                    tries.again(&endpoint, "it does not store it, and no transaction of the block made it").await?;
                }
                Err(error) => tries.after(error).await?,
            }
        }
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
