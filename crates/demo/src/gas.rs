//! Gas of the work, as the chain charged it: every `work` and `poke` transaction with all its receipts.
//!
//! It is counted block by block as they become final, since a node keeps few of them.

use std::time::Instant;

use anyhow::{Context as _, bail};
use futures_util::{StreamExt, stream};
use piecework_chain::{LAG, LAG_POLL, RpcClient};
use piecework_interface::call::{POKE, WORK};
use piecework_stack::Stack;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

/// Blocks that are read at once.
const IN_FLIGHT: usize = 8;

/// Where the blocks to be counted go.
pub(super) type Blocks = mpsc::UnboundedSender<u64>;

/// Counts the gas of blocks.
pub(super) struct Meter {
    total: watch::Receiver<Total>,
    task: JoinHandle<()>,
}

/// Gas up to a block.
#[derive(Debug, Default)]
struct Total {
    height: u64,
    gas: u64,
    /// Why counting ended, if it did.
    fault: Option<String>,
}

/// Reads blocks.
#[derive(Clone)]
struct Reader {
    rpc: RpcClient,
    contract: String,
}

impl Meter {
    /// Counts every block whose height is sent, in order.
    pub(super) fn start(stack: &Stack) -> (Self, Blocks) {
        let reader = Reader { rpc: stack.rpc.clone(), contract: stack.deployment.contract.to_string() };
        let (blocks, receiver) = mpsc::unbounded_channel();
        let (sender, total) = watch::channel(Total::default());
        let heights = stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
        let task = tokio::spawn(async move {
            let gas = heights.map(|height| {
                let reader = reader.clone();
                async move { (height, reader.block(height).await) }
            });
            let mut counted = std::pin::pin!(gas.buffered(IN_FLIGHT));
            while let Some((height, gas)) = counted.next().await {
                sender.send_modify(|total| match gas {
                    Ok(gas) => (total.height, total.gas) = (height, total.gas.saturating_add(gas)),
                    Err(error) => total.fault = Some(format!("{error:#}")),
                });
                if sender.borrow().fault.is_some() {
                    return;
                }
            }
        });
        (Self { total, task }, blocks)
    }

    /// Gas burnt up to a block, failed transactions included, once it is counted.
    ///
    /// # Errors
    /// If a block could not be read.
    pub(super) async fn burnt(&self, end: u64) -> anyhow::Result<u64> {
        let mut total = self.total.clone();
        let total = total.wait_for(|total| total.height >= end || total.fault.is_some()).await;
        let total = total.context("counting gas ended")?;
        match &total.fault {
            None => Ok(total.gas),
            Some(fault) => bail!("gas cannot be counted: {fault}"),
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reader {
    async fn block(&self, height: u64) -> anyhow::Result<u64> {
        let block = self.ask("block", json!({ "block_id": height })).await?;
        let mut gas = 0_u64;
        for chunk in block["chunks"].as_array().into_iter().flatten() {
            if chunk["height_included"].as_u64() != Some(height) {
                continue;
            }
            let chunk = self.ask("chunk", json!({ "chunk_id": chunk["chunk_hash"] })).await?;
            for transaction in chunk["transactions"].as_array().into_iter().flatten().filter(|tx| self.is_work(tx)) {
                let params = json!({ "tx_hash": transaction["hash"], "sender_account_id": transaction["signer_id"], "wait_until": "EXECUTED" });
                let outcome = self.ask("EXPERIMENTAL_tx_status", params).await?;
                let receipts = outcome["receipts_outcome"].as_array().into_iter().flatten();
                // Nobody pays for the gas of a refund.
                let paid = |outcome: &&Value| outcome["outcome"]["tokens_burnt"] != "0";
                let burnt = receipts.chain([&outcome["transaction_outcome"]]).filter(paid);
                gas = gas.saturating_add(burnt.filter_map(|outcome| outcome["outcome"]["gas_burnt"].as_u64()).sum());
            }
        }
        Ok(gas)
    }

    /// Asks for what a final block has, so that an endpoint without it only lags.
    async fn ask(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let end = Instant::now() + LAG;
        loop {
            match self.rpc.call_any(method, params.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) if Instant::now() >= end => {
                    return Err(error).with_context(|| format!("{method} {params} is not answered"));
                }
                Err(_) => tokio::time::sleep(LAG_POLL).await,
            }
        }
    }

    fn is_work(&self, transaction: &Value) -> bool {
        transaction["receiver_id"] == self.contract.as_str()
            && transaction["actions"].as_array().into_iter().flatten().any(|action| {
                let method = action["FunctionCall"]["method_name"].as_str();
                method == Some(WORK) || method == Some(POKE)
            })
    }
}
