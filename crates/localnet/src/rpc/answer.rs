//! The answer to one request, with nearcore's status code.

use std::sync::Arc;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use near_jsonrpc_primitives::{
    errors::{RpcError, RpcErrorKind},
    message::{Message, Request},
};
use serde_json::Value;

use super::dispatch;
use crate::node::Node;

/// Runs a request and gives its answer the status code nearcore gives it.
pub async fn answer(node: &Arc<Node>, request: Request) -> Response {
    let Request { method, params, id, .. } = request;
    let asked_height = params.get("block_id").and_then(Value::as_u64);
    let result = dispatch::call(node, &method, params).await;
    let status = result.as_ref().map_or_else(|error| status_of(node, asked_height, error), |_| StatusCode::OK);
    (status, Json(Message::response(id, result))).into_response()
}

fn status_of(node: &Node, asked_height: Option<u64>, error: &RpcError) -> StatusCode {
    match &error.error_struct {
        Some(RpcErrorKind::RequestValidationError(_)) => StatusCode::BAD_REQUEST,
        Some(RpcErrorKind::InternalError(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        Some(RpcErrorKind::HandlerError(handler)) => match handler["name"].as_str() {
            Some("TIMEOUT_ERROR") => StatusCode::REQUEST_TIMEOUT,
            // A height below the head that has no block will never have one.
            Some("UNKNOWN_BLOCK")
                if asked_height.is_some_and(|height| height < node.chain.history().head().height()) =>
            {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            _ => StatusCode::OK,
        },
        None => StatusCode::OK,
    }
}
