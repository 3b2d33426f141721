//! What stands between clients and nodes at a public RPC provider: a rate limit, and a balancer over two endpoints of
//! which one lags.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};

use crate::node::Node;

/// Says in an answer which endpoint gave it, and in a request which one is to.
const ENDPOINT: HeaderName = HeaderName::from_static("x-localnet-endpoint");

/// One of the nodes behind the address.
pub struct Endpoint {
    /// The node.
    pub node: Arc<Node>,
    name: Option<&'static str>,
}

impl Endpoint {
    /// The node that answers a request: the one its header names, else whose turn it is.
    pub fn of(leading: &Arc<Node>, headers: &HeaderMap) -> Self {
        let Some(lagging) = &leading.lagging else { return Self { node: Arc::clone(leading), name: None } };
        let lags = match headers.get(ENDPOINT).map(HeaderValue::as_bytes) {
            Some(b"leading") => false,
            Some(b"lagging") => true,
            _ => lagging.is_next(),
        };
        if lags {
            Self { node: Arc::clone(lagging.node()), name: Some("lagging") }
        } else {
            Self { node: Arc::clone(leading), name: Some("leading") }
        }
    }

    /// The answer with the endpoint's name on it, if there are two.
    pub fn sign(&self, mut response: Response) -> Response {
        if let Some(name) = self.name {
            response.headers_mut().insert(ENDPOINT, HeaderValue::from_static(name));
        }
        response
    }
}

/// The refusal of a client that sends too much; `None` if it does not.
pub fn refusal(node: &Node, client: SocketAddr) -> Option<Response> {
    let wait = node.limits.take(client.ip(), Instant::now()).err()?;
    Some(too_many_requests(wait, "Too many requests: wait as long as Retry-After says, or raise --rate-limit"))
}

/// HTTP 429 with the wait in whole seconds, at least one.
pub fn too_many_requests(wait: Duration, text: &'static str) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let retry_after = HeaderValue::from(seconds.max(1));
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, retry_after)], text).into_response()
}

/// A request within the client's rate, and the endpoint that answers it.
pub struct Admitted(pub Endpoint);

impl FromRequestParts<Arc<Node>> for Admitted {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Response> {
        let client = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        if let Some(refusal) = client.and_then(|ConnectInfo(client)| refusal(node, *client)) {
            return Err(refusal);
        }
        Ok(Self(Endpoint::of(node, &parts.headers)))
    }
}
