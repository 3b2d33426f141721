//! The explorer: one page without outside resources, and the few summaries it needs beyond JSON-RPC.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use borsh::BorshDeserialize;
use near_primitives::{
    account::Account,
    action::Action,
    hash::CryptoHash,
    transaction::{ExecutionStatus, SignedTransaction},
    trie_key::col,
    types::{AccountId, BlockHeight, Gas},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{block::Block, chain::History, node::Node};

/// Longest wait of a feed for a new block.
const FEED_LIMIT: Duration = Duration::from_secs(20);
/// Entries in one answer.
const PAGE: usize = 50;
/// Blocks looked through for logs or an account's transactions.
const SEARCHED_BLOCKS: usize = 5_000;

/// The page.
pub async fn page() -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                  img-src data:; base-uri 'none'; form-action 'none'";
    let headers = [(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))];
    (headers, Html(include_str!("explorer.html"))).into_response()
}

/// The page and its summaries.
pub fn router() -> Router<Arc<Node>> {
    Router::new()
        .route("/", get(page))
        .route("/api/blocks", get(blocks))
        .route("/api/block/{reference}", get(block))
        .route("/api/tx/{hash}", get(transaction))
        .route("/api/logs", get(logs))
        .route("/api/accounts", get(accounts))
        .route("/api/activity/{account_id}", get(activity))
}

#[derive(Deserialize)]
struct Pages {
    /// Only blocks below this height.
    before: Option<BlockHeight>,
    /// Waits for a block above this height.
    after: Option<BlockHeight>,
    /// Leaves out blocks without transactions, outcomes and logs.
    #[serde(default)]
    busy: bool,
}

async fn blocks(State(node): State<Arc<Node>>, Query(pages): Query<Pages>) -> Response {
    if let Some(after) = pages.after {
        let mut head = node.head.clone();
        // A shorter chain than the page knows was restored, which is news as well. Without news the answer repeats.
        let _ = tokio::time::timeout(FEED_LIMIT, head.wait_for(|height| *height != after)).await;
    }
    let history = node.chain.history();
    let from = pages.before.map_or(history.head().height(), |before| before.saturating_sub(1));
    let mut list = Vec::new();
    for block in downwards(&history, from).take(SEARCHED_BLOCKS) {
        if pages.busy && block.outcomes.is_empty() {
            continue;
        }
        list.push(summary(&history, &block));
        if list.len() == PAGE {
            break;
        }
    }
    let head = history.head();
    Json(json!({
        "chain_id": node.chain.genesis.config.chain_id,
        "head": head.height(),
        "final": history.final_height(),
        "time_ms": millis(head),
        "gas_price": head.next_gas_price,
        "blocks": list,
    }))
    .into_response()
}

async fn block(State(node): State<Arc<Node>>, Path(reference): Path<String>) -> Response {
    let history = node.chain.history();
    let found = match (reference.parse::<BlockHeight>(), reference.parse::<CryptoHash>()) {
        (Ok(height), _) => history.block_at_height(height),
        (_, Ok(hash)) => history.block_by_hash(&hash),
        _ => None,
    };
    let Some(block) = found else { return missing("block", &reference) };
    let outcomes: Vec<_> = block
        .outcomes
        .iter()
        .zip(&block.origins)
        .map(|(outcome, origin)| {
            json!({
                "id": outcome.id,
                "tx_hash": origin,
                "executor_id": outcome.outcome.executor_id,
                "gas_burnt": outcome.outcome.gas_burnt,
                "success": succeeded(&outcome.outcome.status),
                "logs": outcome.outcome.logs,
            })
        })
        .collect();
    Json(json!({
        "block": summary(&history, &block),
        "outcomes": outcomes,
        "prev_hash": block.prev_hash,
        "prev_height": block.prev_height,
        "next_height": history.next_block(block.height()).map(|next| next.height()),
        "gas_price": block.gas_price,
        "total_supply": block.total_supply,
        "final": history.is_final(block.height()),
    }))
    .into_response()
}

async fn transaction(State(node): State<Arc<Node>>, Path(id): Path<String>) -> Response {
    let history = node.chain.history();
    let Ok(id_hash) = id.parse::<CryptoHash>() else { return missing("transaction", &id) };
    // A receipt leads to its transaction.
    let hash = history
        .outcome(&id_hash)
        .and_then(|place| history.block_at_height(place.height)?.origins.get(place.index).copied())
        .unwrap_or(id_hash);
    let Some(status) = history.transaction_status(&hash) else { return missing("transaction", &id) };
    let outcome = history.with_receipts(status.outcome);
    let all =
        std::iter::once(&outcome.final_outcome.transaction_outcome).chain(&outcome.final_outcome.receipts_outcome);
    let heights: BTreeMap<String, BlockHeight> = all
        .filter_map(|outcome| Some((outcome.block_hash.to_string(), history.height_of(&outcome.block_hash)?)))
        .collect();
    Json(json!({ "level": status.level, "outcome": outcome, "heights": heights })).into_response()
}

async fn logs(State(node): State<Arc<Node>>, Query(pages): Query<Pages>) -> Json<Vec<Value>> {
    let history = node.chain.history();
    let from = pages.before.map_or(history.head().height(), |before| before.saturating_sub(1));
    let mut lines = Vec::new();
    for block in downwards(&history, from).take(SEARCHED_BLOCKS) {
        for (outcome, origin) in block.outcomes.iter().zip(&block.origins).rev() {
            lines.extend(outcome.outcome.logs.iter().rev().map(|text| {
                json!({
                    "height": block.height(),
                    "time_ms": millis(&block),
                    "account_id": outcome.outcome.executor_id,
                    "tx_hash": origin,
                    "text": text,
                })
            }));
        }
        if lines.len() >= PAGE {
            break;
        }
    }
    Json(lines)
}

async fn accounts(State(node): State<Arc<Node>>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let snapshot = node.chain.snapshot(node.chain.history().head().height());
    let prefix = [col::ACCOUNT];
    let after = query.get("after").map(|after| [&prefix, after.as_bytes()].concat());
    let entries = snapshot.range(&prefix, after.as_deref(), PAGE);
    let list: Vec<_> = entries
        .into_iter()
        .filter_map(|(key, value)| {
            let account_id = std::str::from_utf8(&key[1..]).ok()?.to_owned();
            let account = Account::try_from_slice(&value).ok()?;
            Some(json!({
                "account_id": account_id,
                "amount": account.amount(),
                "locked": account.locked(),
                "storage_usage": account.storage_usage(),
                "has_contract": !account.contract().is_none(),
            }))
        })
        .collect();
    Json(list).into_response()
}

async fn activity(State(node): State<Arc<Node>>, Path(account_id): Path<String>) -> Response {
    let Ok(account_id) = account_id.parse::<AccountId>() else { return missing("account", &account_id) };
    let history = node.chain.history();
    let mut hashes: Vec<CryptoHash> = Vec::new();
    for block in downwards(&history, history.head().height()).take(SEARCHED_BLOCKS) {
        let own = |tx: &SignedTransaction| {
            *tx.transaction.signer_id() == account_id || *tx.transaction.receiver_id() == account_id
        };
        hashes.extend(block.transactions.iter().filter(|tx| own(tx)).map(|tx| tx.get_hash()));
        let executed = block.outcomes.iter().zip(&block.origins);
        hashes.extend(
            executed
                .filter(|(outcome, _)| {
                    outcome.outcome.executor_id == account_id && !outcome.outcome.gas_burnt.eq(&Gas::ZERO)
                })
                .map(|(_, origin)| *origin),
        );
        if hashes.len() >= 2 * PAGE {
            break;
        }
    }
    let mut known = HashSet::new();
    hashes.retain(|hash| known.insert(*hash));
    let summaries = hashes.iter().filter_map(|hash| {
        let tx = history.transaction(hash)?;
        let block = history.block_at_height(history.outcome(hash)?.height)?;
        Some(transaction_summary(&history, &block, &tx))
    });
    Json(summaries.take(PAGE).collect::<Vec<_>>()).into_response()
}

/// Blocks from a height down.
fn downwards(history: &History, from: BlockHeight) -> impl Iterator<Item = Arc<Block>> {
    let first = history.block_at_or_below(from);
    std::iter::successors(first, |block| history.block_at_or_below(block.prev_height?))
}

fn summary(history: &History, block: &Block) -> Value {
    let transactions = block.transactions.iter().map(|tx| transaction_summary(history, block, tx));
    json!({
        "height": block.height(),
        "hash": block.hash,
        "time_ms": millis(block),
        "transactions": transactions.collect::<Vec<_>>(),
        "receipts": block.outcomes.len() - block.transactions.len(),
        "logs": block.outcomes.iter().map(|outcome| outcome.outcome.logs.len()).sum::<usize>(),
        "gas_used": block.gas_used,
    })
}

/// `success` is null while it runs.
fn transaction_summary(history: &History, block: &Block, tx: &SignedTransaction) -> Value {
    json!({
        "hash": tx.get_hash(),
        "height": block.height(),
        "time_ms": millis(block),
        "signer_id": tx.transaction.signer_id(),
        "receiver_id": tx.transaction.receiver_id(),
        "actions": tx.transaction.actions().iter().map(action_summary).collect::<Vec<_>>(),
        "success": history.success(&tx.get_hash()),
    })
}

fn action_summary(action: &Action) -> Value {
    let (method, deposit) = match action {
        Action::FunctionCall(call) => (Some(&call.method_name), Some(call.deposit)),
        Action::Transfer(transfer) => (None, Some(transfer.deposit)),
        _ => (None, None),
    };
    json!({ "kind": action.as_ref(), "method": method, "deposit": deposit.filter(|deposit| !deposit.is_zero()) })
}

fn succeeded(status: &ExecutionStatus) -> bool {
    matches!(status, ExecutionStatus::SuccessValue(_) | ExecutionStatus::SuccessReceiptId(_))
}

fn millis(block: &Block) -> u64 {
    block.lite.timestamp / 1_000_000
}

fn missing(what: &str, id: &str) -> Response {
    let error = format!("there is no {what} {id}, or it is no longer kept");
    (StatusCode::NOT_FOUND, Json(json!({ "error": error }))).into_response()
}
