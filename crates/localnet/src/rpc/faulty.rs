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

use super::{answer::answer, balancer};
use crate::{
    faults::{Fault, FaultKind},
    node::Node,
};

/// How long a request without an answer holds its connection.
const HANG: Duration = Duration::from_secs(60);

/// What to do with a request.
pub enum Faulty {
    /// Answer it with this.
    Answer(Response),
    /// Answer it from so many blocks ago.
    Stale(u64),
    /// Carry it out, then do this with the answer.
    Go(After),
}

/// What happens to an answer.
pub enum After {
    /// Nothing.
    Keep,
    /// It never comes.
    Hang,
    /// nearcore's time-out comes in its place.
    Replace(Response),
    /// The connection breaks.
    Break,
}

impl After {
    /// Does it.
    pub async fn apply(self, answer: Response) -> Response {
        match self {
            Self::Keep => answer,
            Self::Hang => {
                tokio::time::sleep(HANG).await;
                broken()
            }
            Self::Replace(response) => response,
            Self::Break => broken(),
        }
    }
}

/// Waits the latency and decides.
pub async fn before(fault: Fault, id: &Value) -> Faulty {
    tokio::time::sleep(fault.latency).await;
    match fault.kind {
        None => Faulty::Go(After::Keep),
        Some(FaultKind::Timeout) => Faulty::Go(After::Hang),
        Some(FaultKind::Drop) => Faulty::Go(After::Break),
        Some(FaultKind::Http408) => {
            Faulty::Go(After::Replace(failure(StatusCode::REQUEST_TIMEOUT, id, "TIMEOUT_ERROR", json!({}))))
        }
        Some(FaultKind::Http422) => {
            let info = json!({ "error_message": "a fault was asked for" });
            Faulty::Answer(failure(StatusCode::UNPROCESSABLE_ENTITY, id, "UNKNOWN_BLOCK", info))
        }
        Some(FaultKind::Http429) => {
            let wait = Duration::from_secs(1);
            Faulty::Answer(balancer::too_many_requests(wait, "Too many requests: a fault was asked for"))
        }
        Some(FaultKind::Http500) => {
            let error = RpcError::new_internal_error(None, "a fault was asked for".to_owned());
            let message = Message::response(id.clone(), Err(error));
            Faulty::Answer((StatusCode::INTERNAL_SERVER_ERROR, Json(message)).into_response())
        }
        Some(FaultKind::Stale { blocks }) => Faulty::Stale(blocks),
    }
}

/// Answers as a node would that is some blocks behind.
pub async fn answer_stale(node: &Arc<Node>, mut request: Request, blocks: u64) -> Response {
    let height = {
        let history = node.chain.history();
        let behind = history.head().height().saturating_sub(blocks).max(history.oldest_with_state().height());
        history.block_at_or_below(behind).map_or(behind, |block| block.height())
    };
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
    answer(node, request).await
}

fn exact(node: &Node, height: BlockHeight) -> BlockHeight {
    node.chain.history().block_at_or_below(height).map_or(height, |block| block.height())
}

fn stale_status(node: &Node, height: BlockHeight) -> Result<Value, RpcError> {
    let mut status = serde_json::to_value(super::network::status(node))
        .map_err(|error| RpcError::serialization_error(error.to_string()))?;
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
