//! HTTP: `POST /` for JSON-RPC, `GET /status`, `/health` and `/network_info`, status codes as nearcore's; `/v0/…` for
//! indexers; the explorer.

use std::{future::Future, net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, Path, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use near_jsonrpc_primitives::{
    errors::RpcError,
    message::{Message, Request},
};
use serde_json::Value;
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;

use super::{
    answer::answer,
    balancer::{self, Admitted, Endpoint},
    explorer, faulty, network,
    stream::{self, Finality},
};
use crate::node::Node;

type Shared = State<Arc<Node>>;
type Body = Result<Json<Message>, JsonRejection>;

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
        .route("/", post(rpc).get(explorer::page))
        .route("/status", get(status))
        .route("/health", get(|_: Admitted| async { Json(Value::Null) }))
        .route("/network_info", get(|_: Admitted| async { Json(network::network_info()) }))
        .route("/v0/first_block", get(stream::first_block))
        .route("/v0/last_block/final", get(|node: Shared| last_block(node, Finality::Final)))
        .route("/v0/last_block/optimistic", get(|node: Shared| last_block(node, Finality::Optimistic)))
        .route("/v0/block/{height}", get(|node: Shared, at: Path<u64>| block(node, at, Finality::Final)))
        .route("/v0/block_opt/{height}", get(|node: Shared, at: Path<u64>| block(node, at, Finality::Optimistic)))
        .route("/explorer/rpc", post(explorer_rpc))
        .nest("/explorer", explorer::router())
        .layer(DefaultBodyLimit::max(max_body_bytes))
        // Web pages may use the chain, as they may use a public node.
        .layer(CorsLayer::permissive())
        .with_state(node)
        .into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await
}

async fn rpc(State(node): Shared, client: ConnectInfo<SocketAddr>, headers: HeaderMap, body: Body) -> Response {
    let request = match request_in(body) {
        Ok(request) if request.method.starts_with("sandbox_") => return answer(&node, request).await,
        parsed => parsed,
    };
    if let Some(refusal) = balancer::refusal(&node, client.0) {
        return refusal;
    }
    let request = match request {
        Ok(request) => request,
        Err(response) => return *response,
    };
    let endpoint = Endpoint::of(&node, &headers);
    let (own, id) = (&endpoint.node, request.id.clone());
    let carry_out = |blocks_ago| async move {
        match blocks_ago {
            0 => answer(own, request).await,
            _ => faulty::answer_stale(own, request, blocks_ago).await,
        }
    };
    endpoint.sign(faulty::answer(&node.faults, &id, carry_out).await)
}

/// The explorer's own requests, which are answered by the node that leads, whatever clients meet.
async fn explorer_rpc(State(node): Shared, body: Body) -> Response {
    match request_in(body) {
        Ok(request) => answer(&node, request).await,
        Err(response) => *response,
    }
}

async fn status(Admitted(endpoint): Admitted) -> Response {
    endpoint.sign(Json(network::status(&endpoint.node)).into_response())
}

/// The request in a body, or what is wrong with it. A body that is no JSON, or does not say that it is, is refused by axum,
/// as in nearcore.
fn request_in(body: Body) -> Result<Request, Box<Response>> {
    match body {
        Ok(Json(Message::Request(request))) => Ok(request),
        Ok(_) => {
            let error = RpcError::parse_error("JSON RPC Request format was expected".to_owned());
            Err(Box::new((StatusCode::BAD_REQUEST, Json(Message::error(error))).into_response()))
        }
        Err(rejection) => Err(Box::new(rejection.into_response())),
    }
}

async fn last_block(State(node): Shared, finality: Finality) -> Response {
    let redirect = |_| async { stream::last_block(&node, finality).into_response() };
    faulty::answer(&node.faults, &Value::Null, redirect).await
}

async fn block(State(node): Shared, height: Path<u64>, finality: Finality) -> Response {
    faulty::answer(&node.faults, &Value::Null, |_| stream::block(&node, height, finality)).await
}
