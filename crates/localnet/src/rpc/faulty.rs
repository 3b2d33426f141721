//! Answers that go wrong as [`crate::faults`] asks for.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use near_jsonrpc_primitives::{
    errors::RpcError,
    message::{Message, Request},
};
use near_primitives::types::BlockHeight;
use serde_json::{Value, json};

use super::{answer, balancer, network, to_value};
use crate::{
    faults::{Fault, FaultKind, FaultPlan},
    node::Node,
};

/// How long a request without an answer holds its connection.
const HANG: Duration = Duration::from_secs(60);

/// Answers a request as the plan of faults has it, after the latency. What carries the request out is given how many
/// blocks ago its answer is to be from.
pub async fn answer<A: Future<Output = Response>>(
    plan: &FaultPlan,
    id: &Value,
    carry_out: impl FnOnce(u64) -> A,
) -> Response {
    let Some(Fault { latency, kind }) = plan.next() else { return carry_out(0).await };
    tokio::time::sleep(latency).await;
    match kind {
        None => carry_out(0).await,
        Some(FaultKind::Stale { blocks }) => carry_out(blocks).await,
        Some(FaultKind::Timeout) => {
            carry_out(0).await;
            tokio::time::sleep(HANG).await;
            broken()
        }
        Some(FaultKind::Drop) => {
            carry_out(0).await;
            broken()
        }
        Some(FaultKind::Http408) => {
            carry_out(0).await;
            failure(StatusCode::REQUEST_TIMEOUT, id, "TIMEOUT_ERROR", json!({}))
        }
        Some(FaultKind::Http422) => {
            let info = json!({ "error_message": "a fault was asked for" });
            failure(StatusCode::UNPROCESSABLE_ENTITY, id, "UNKNOWN_BLOCK", info)
        }
        Some(FaultKind::Http429) => {
            balancer::too_many_requests(Duration::from_secs(1), "Too many requests: a fault was asked for")
        }
        Some(FaultKind::Http500) => {
            let error = RpcError::new_internal_error(None, "a fault was asked for".to_owned());
            let message = Message::response(id.clone(), Err(error));
            (StatusCode::INTERNAL_SERVER_ERROR, Json(message)).into_response()
        }
    }
}

/// Answers as a node would that is some blocks behind.
pub async fn answer_stale(node: &Arc<Node>, mut request: Request, blocks: u64) -> Response {
    let behind = {
        let history = node.chain.history();
        history.head().height().saturating_sub(blocks).max(history.oldest_with_state().height())
    };
    let height = exact(node, behind);
    if request.method == "status" {
        return Json(Message::response(request.id, stale_status(node, height))).into_response();
    }
    let final_height = height.saturating_sub(2);
    if let Value::Object(params) = &mut request.params
        && let Some(finality) = params.remove("finality")
    {
        let at = if finality == "final" { exact(node, final_height) } else { height };
        params.insert("block_id".to_owned(), at.into());
    }
    answer::answer(node, request).await
}

/// The height of the newest block at or below this one.
fn exact(node: &Node, height: BlockHeight) -> BlockHeight {
    node.chain.history().block_at_or_below(height).map_or(height, |block| block.height())
}

fn stale_status(node: &Node, height: BlockHeight) -> Result<Value, RpcError> {
    let mut status = to_value(network::status(node))?;
    if let Some(block) = node.chain.history().block_at_height(height) {
        status["sync_info"]["latest_block_height"] = json!(height);
        status["sync_info"]["latest_block_hash"] = json!(block.hash);
        status["sync_info"]["latest_state_root"] = json!(block.state_root);
    }
    Ok(status)
}

fn failure(status: StatusCode, id: &Value, name: &str, info: Value) -> Response {
    let error = RpcError::new_internal_or_handler_error(None, json!({ "name": name, "info": info }));
    (status, Json(Message::response(id.clone(), Err(error)))).into_response()
}

/// An answer that breaks off, and its connection with it.
fn broken() -> Response {
    Body::from_stream(stream::once(async { Err::<Bytes, _>(io::Error::other("a fault was asked for")) }))
        .into_response()
}
