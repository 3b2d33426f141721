//! HTTP: `POST /` for JSON-RPC, `GET /status`, `/health` and `/network_info`, status codes as nearcore's.

use std::{future::Future, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use near_jsonrpc_primitives::{
    errors::{RpcError, RpcErrorKind},
    message::{Message, Request},
};
use serde_json::Value;
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;

use super::{dispatch, network};
use crate::node::Node;

/// Answers requests until `shutdown` resolves.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    node: Arc<Node>,
    max_body_bytes: usize,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let app = Router::new()
        .route("/", post(rpc))
        .route("/status", get(|State(node): State<Arc<Node>>| async move { Json(network::status(&node)) }))
        .route("/health", get(|| async { Json(Value::Null) }))
        .route("/network_info", get(|| async { Json(network::network_info()) }))
        .layer(DefaultBodyLimit::max(max_body_bytes))
        // Web pages may use the chain, as they may use a public node.
        .layer(CorsLayer::permissive())
        .with_state(node);
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await
}

async fn rpc(State(node): State<Arc<Node>>, body: Bytes) -> Response {
    let request = match serde_json::from_slice::<Message>(&body) {
        Ok(Message::Request(request)) => request,
        Ok(_) => {
            let error = RpcError::parse_error("JSON RPC Request format was expected".to_owned());
            return (StatusCode::BAD_REQUEST, Json(Message::error(error))).into_response();
        }
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let result = dispatch::call(&node, &request.method, request.params.clone()).await;
    let status = result.as_ref().map_or_else(|error| status_of(&node, &request, error), |_| StatusCode::OK);
    let id = request.id.clone();
    (status, Json(Message::response(id, result))).into_response()
}

fn status_of(node: &Node, request: &Request, error: &RpcError) -> StatusCode {
    match &error.error_struct {
        Some(RpcErrorKind::RequestValidationError(_)) => StatusCode::BAD_REQUEST,
        Some(RpcErrorKind::InternalError(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        Some(RpcErrorKind::HandlerError(handler)) => match handler["name"].as_str() {
            Some("TIMEOUT_ERROR") => StatusCode::REQUEST_TIMEOUT,
            // A height below the head that has no block will never have one.
            Some("UNKNOWN_BLOCK")
                if request
                    .params
                    .get("block_id")
                    .and_then(Value::as_u64)
                    .is_some_and(|height| height < node.chain.history().head().height()) =>
            {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            _ => StatusCode::OK,
        },
        None => StatusCode::OK,
    }
}
