//! Gas of the work, as the chain charged it: every `work` and `poke` transaction with all its receipts.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::stack::Stack;
use piecework_interface::call::{POKE, WORK};

/// Requests under way at once.
const IN_FLIGHT: usize = 8;

/// Gas burnt by all work and poke transactions up to a block, failed ones included.
pub(super) async fn burnt(stack: &Stack, end: u64) -> anyhow::Result<u64> {
    let blocks = stack.deployment.height..=end;
    let per_block = stream::iter(blocks).map(|height| block_gas(stack, height)).buffer_unordered(IN_FLIGHT);
    per_block.try_fold(0_u64, |sum, gas| async move { Ok(sum.saturating_add(gas)) }).await
}

async fn block_gas(stack: &Stack, height: u64) -> anyhow::Result<u64> {
    // A skipped height has no block.
    let Ok(block) = stack.rpc.call_any("block", json!({ "block_id": height })).await else {
        return Ok(0);
    };
    let mut gas = 0_u64;
    for chunk in block["chunks"].as_array().into_iter().flatten() {
        if chunk["height_included"].as_u64() != Some(height) {
            continue;
        }
        let chunk = stack.rpc.call_any("chunk", json!({ "chunk_id": chunk["chunk_hash"] })).await?;
        for transaction in chunk["transactions"].as_array().into_iter().flatten().filter(|tx| is_work(stack, tx)) {
            let params = json!({ "tx_hash": transaction["hash"], "sender_account_id": transaction["signer_id"], "wait_until": "EXECUTED" });
            let outcome = stack.rpc.call_any("EXPERIMENTAL_tx_status", params).await?;
            let receipts = outcome["receipts_outcome"].as_array().into_iter().flatten();
            // Nobody pays for the gas of a refund.
            let paid = |outcome: &&Value| outcome["outcome"]["tokens_burnt"] != "0";
            let burnt = receipts.chain([&outcome["transaction_outcome"]]).filter(paid);
            gas = gas.saturating_add(burnt.filter_map(|outcome| outcome["outcome"]["gas_burnt"].as_u64()).sum());
        }
    }
    Ok(gas)
}

fn is_work(stack: &Stack, transaction: &Value) -> bool {
    transaction["receiver_id"] == stack.deployment.contract.as_str()
        && transaction["actions"].as_array().into_iter().flatten().any(|action| {
            let method = action["FunctionCall"]["method_name"].as_str();
            method == Some(WORK) || method == Some(POKE)
        })
}
