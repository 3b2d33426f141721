//! A node that answers as told, to show what the client makes of every kind of answer.

pub mod chain;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::stream;
use piecework_chain::{RetryPolicy, RpcClient, RpcConfig};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// What the node does with one request.
pub enum Reply {
    /// A JSON-RPC result.
    Result(Value),
    /// A handler error, with the HTTP status nearcore sends it under.
    Error(u16, Value),
    /// The refusal of a transaction, whose reason nearcore puts into `data` only.
    Invalid(Value),
    /// nearcore's internal error, whose words come as `data`.
    Internal(String),
    /// An HTTP answer that is not JSON-RPC.
    Http(u16, &'static str),
    /// HTTP 429 with this Retry-After in seconds, and a JSON-RPC error as some providers send it.
    TooMany(Option<u64>),
    /// HTTP 307 to this address.
    Redirect(String),
    /// An answer of more MiB than this, all of them blanks.
    Blanks(usize),
    /// The connection breaks in the middle of the answer.
    Break,
}

impl Reply {
    pub fn unknown_block() -> Self {
        Self::Error(422, json!({"name": "UNKNOWN_BLOCK", "info": {}}))
    }
}

type Calls = Arc<Mutex<Vec<(String, Value)>>>;
type Answer = dyn FnMut(&str, &Value) -> Reply + Send;

pub struct FakeNode {
    pub url: String,
    calls: Calls,
    _server: AbortOnDropHandle<()>,
}

impl FakeNode {
    pub async fn start(answer: impl FnMut(&str, &Value) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::default();
        let answer: Arc<Mutex<Answer>> = Arc::new(Mutex::new(answer));
        let app = Router::new().route("/", post(handle)).with_state((Arc::clone(&calls), answer));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, calls, _server: AbortOnDropHandle::new(server) }
    }

    /// The methods called so far.
    pub fn methods(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|(method, _)| method.clone()).collect()
    }

    pub fn count(&self, method: &str) -> usize {
        self.methods().iter().filter(|&called| called == method).count()
    }

    /// The parameters of every call of a method.
    pub fn params(&self, method: &str) -> Vec<Value> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(called, _)| called == method).map(|(_, params)| params.clone()).collect()
    }

    pub fn client(&self) -> RpcClient {
        client([self])
    }
}

/// A client that does not wait long.
pub fn client<'a>(nodes: impl IntoIterator<Item = &'a FakeNode>) -> RpcClient {
    client_of(nodes.into_iter().map(|node| node.url.clone()))
}

pub fn client_of(urls: impl IntoIterator<Item = String>) -> RpcClient {
    let retry = RetryPolicy { rounds: 4, base: Duration::from_millis(1), cap: Duration::from_millis(4) };
    let request_timeout = Duration::from_secs(5);
    RpcClient::new(RpcConfig { retry, request_timeout, ..RpcConfig::new(urls) }).unwrap()
}

async fn handle(State((calls, answer)): State<(Calls, Arc<Mutex<Answer>>)>, body: String) -> Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    let method = request["method"].as_str().unwrap();
    calls.lock().unwrap().push((method.to_owned(), request["params"].clone()));
    let reply = (answer.lock().unwrap())(method, &request["params"]);
    let id = &request["id"];
    match reply {
        Reply::Result(result) => axum::Json(json!({"jsonrpc": "2.0", "id": id, "result": result})).into_response(),
        Reply::Error(status, cause) => {
            let error = json!({"name": "HANDLER_ERROR", "cause": cause, "code": -32000, "message": "Server error"});
            let body = axum::Json(json!({"jsonrpc": "2.0", "id": id, "error": error}));
            (StatusCode::from_u16(status).unwrap(), body).into_response()
        }
        Reply::Invalid(reason) => {
            let cause = json!({"name": "INVALID_TRANSACTION", "info": {}});
            let data = json!({"TxExecutionError": {"InvalidTxError": reason}});
            let error = json!({"name": "HANDLER_ERROR", "cause": cause, "code": -32000, "message": "Server error",
                "data": data});
            axum::Json(json!({"jsonrpc": "2.0", "id": id, "error": error})).into_response()
        }
        Reply::Internal(words) => {
            let cause = json!({"name": "INTERNAL_ERROR", "info": {"error_message": words}});
            let error = json!({"name": "INTERNAL_ERROR", "cause": cause, "code": -32000, "message": "Server error",
                "data": words});
            let body = axum::Json(json!({"jsonrpc": "2.0", "id": id, "error": error}));
            (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
        }
        Reply::TooMany(retry_after) => {
            let error = json!({"code": -429, "message": "Rate limits exceeded"});
            let body = axum::Json(json!({"jsonrpc": "2.0", "id": id, "error": error}));
            let mut response = (StatusCode::TOO_MANY_REQUESTS, body).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert("retry-after", seconds.into());
            }
            response
        }
        Reply::Http(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Reply::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response(),
        Reply::Blanks(mebibytes) => {
            let blanks = vec![b' '; 1 << 20];
            let chunks = std::iter::repeat_n(blanks, mebibytes + 1).map(Ok::<_, std::io::Error>);
            Response::new(Body::from_stream(stream::iter(chunks)))
        }
        Reply::Break => {
            let broken = [Ok("{\"jsonrpc\":"), Err(std::io::Error::other("connection lost"))];
            Response::new(Body::from_stream(stream::iter(broken)))
        }
    }
}
