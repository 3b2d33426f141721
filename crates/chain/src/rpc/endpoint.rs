//! One endpoint: the HTTP exchange, and what each kind of answer means for the next endpoint.

use super::pace::Pace;
use super::{RpcCallError, RpcError, RpcMethod};
use near_jsonrpc_client::errors::{JsonRpcError, JsonRpcServerError};
use near_jsonrpc_primitives::errors::{RpcError as NodeError, RpcErrorKind};
use near_jsonrpc_primitives::message::{self, Message};
use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url, header};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// More bytes than any answer of a node has; the rest of a larger one is not read.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// A node's address and the connections to it. Clones share the pace and the distrust.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    http: reqwest::Client,
    url: Url,
    name: Arc<str>,
    pace: Arc<Pace>,
    distrusted: Arc<AtomicBool>,
}

/// Why an endpoint gave no result.
pub(super) enum Miss<E> {
    /// It failed; another may not.
    Failed(RpcError),
    /// It does not have the thing (yet, any more, or as a method); another may, and a second try here is pointless.
    Absent(RpcCallError<E>),
    /// A definite answer.
    Refused(RpcCallError<E>),
}

impl Endpoint {
    pub(super) fn new(http: reqwest::Client, url: &str) -> Result<Self, RpcError> {
        let invalid = |reason: String, position: &str| RpcError::InvalidUrl { reason, position: position.to_owned() };
        let url = Url::parse(url).map_err(|error| invalid(error.to_string(), "of the configuration"))?;
        let name = redacted(&url);
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(invalid("not an http or https URL".to_owned(), &name));
        }
        Ok(Self { http, url, name: name.into(), pace: Arc::default(), distrusted: Arc::default() })
    }

    /// The endpoint without credentials, which providers also put into path and query.
    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How long it still wants to be left alone.
    pub(super) fn rest(&self) -> Duration {
        self.pace.rest()
    }

    pub(super) fn is_distrusted(&self) -> bool {
        self.distrusted.load(Ordering::Relaxed)
    }

    /// Leaves it out from now on.
    pub(super) fn distrust(&self) {
        self.distrusted.store(true, Ordering::Relaxed);
    }

    pub(super) async fn ask<M: RpcMethod>(&self, body: &str) -> Result<M::Response, Miss<M::Error>> {
        let resting = |rest| Miss::Failed(RpcError::Resting { endpoint: self.name.to_string(), rest });
        let started = self.pace.turn().await.map_err(resting)?;
        let exchanged = self.exchange(body).await;
        match &exchanged {
            Err(RpcError::HttpStatus { status, retry_after, .. })
                if *status == StatusCode::TOO_MANY_REQUESTS || retry_after.is_some() =>
            {
                self.pace.refused(started, *retry_after);
            }
            _ => self.pace.answered(),
        }
        match exchanged.map_err(Miss::Failed)? {
            Ok(value) => match M::parse_handler_response(value) {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => Err(Miss::Refused(self.handler(error))),
                Err(error) => Err(Miss::Failed(self.malformed(error.to_string()))),
            },
            Err(error) => Err(self.miss(error)),
        }
    }

    async fn exchange(&self, body: &str) -> Result<Result<serde_json::Value, NodeError>, RpcError> {
        let unreachable = |source: reqwest::Error| RpcError::Unreachable {
            endpoint: self.name.to_string(),
            source: source.without_url(),
        };
        let request = self.http.post(self.url.clone()).header(header::CONTENT_TYPE, "application/json");
        let mut response = request.body(body.to_owned()).send().await.map_err(unreachable)?;
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let refused = || RpcError::HttpStatus {
            endpoint: self.name.to_string(),
            status: status.as_u16(),
            fix: fix_of(status),
            retry_after,
        };
        // Some providers put an error of their own into the body, which says no more than the status does.
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(refused());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > LARGEST_ANSWER {
                return Err(self.malformed(format!("an answer of more than {LARGEST_ANSWER} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        match message::from_slice(&bytes) {
            Ok(Message::Response(response)) => Ok(response.result),
            _ if status != StatusCode::OK => Err(refused()),
            Ok(_) => Err(self.malformed("not a JSON-RPC response".to_owned())),
            Err(broken) => Err(self.malformed(match broken {
                message::Broken::Unmatched(_) => "not a JSON-RPC message".to_owned(),
                message::Broken::SyntaxError(reason) => reason,
            })),
        }
    }

    fn miss<E: near_jsonrpc_client::methods::RpcHandlerError>(&self, error: NodeError) -> Miss<E> {
        let name = match &error.error_struct {
            Some(RpcErrorKind::HandlerError(cause)) => cause["name"].as_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        let reason = summary(&error);
        let endpoint = self.name.to_string();
        match JsonRpcError::<E>::from(error) {
            _ if name == "INTERNAL_ERROR" => Miss::Failed(self.failed(reason)),
            _ if is_syncing(&name) => Miss::Failed(RpcError::NotSynced { endpoint, reason: name }),
            _ if is_untracked(&name) => Miss::Failed(RpcError::ShardUnavailable { endpoint, reason: name }),
            JsonRpcError::ServerError(JsonRpcServerError::HandlerError(error)) if is_absent(&name) => {
                Miss::Absent(self.handler(error))
            }
            JsonRpcError::ServerError(JsonRpcServerError::HandlerError(error)) => Miss::Refused(self.handler(error)),
            JsonRpcError::ServerError(JsonRpcServerError::RequestValidationError(_)) => {
                Miss::Failed(RpcError::Rejected { endpoint, reason })
            }
            JsonRpcError::ServerError(JsonRpcServerError::InternalError { info }) => {
                Miss::Failed(self.failed(info.unwrap_or(reason)))
            }
            _ => Miss::Failed(self.malformed(reason)),
        }
    }

    /// What an internal error means.
    fn failed(&self, reason: String) -> RpcError {
        let endpoint = self.name.to_string();
        if reason.contains(NOT_CANONICAL) {
            RpcError::NotFinal { endpoint, reason }
        } else {
            RpcError::NodeFailed { endpoint, reason }
        }
    }

    fn handler<E>(&self, error: E) -> RpcCallError<E> {
        RpcCallError::Handler { endpoint: self.name.to_string(), error }
    }

    fn malformed(&self, reason: String) -> RpcError {
        RpcError::Malformed { endpoint: self.name.to_string(), reason }
    }
}

/// The words in which nearcore refuses a block that is not final, or on a fork, from where it stands
/// (`check_blocks_final_and_canonical` in `chain/chain/src/chain.rs`).
const NOT_CANONICAL: &str = "not on current chain";

/// The node is up and has no chain to answer from yet.
fn is_syncing(name: &str) -> bool {
    matches!(name, "NO_SYNCED_BLOCKS" | "NOT_SYNCED_YET")
}

/// The node is up and does not hold the shard that the account lives in.
fn is_untracked(name: &str) -> bool {
    matches!(name, "UNAVAILABLE_SHARD" | "DOES_NOT_TRACK_SHARD" | "SHARD_NOT_TRACKED" | "SHARD_NOT_APPLIED")
}

/// The node does not have it: never did, no longer does, or does not yet.
fn is_absent(name: &str) -> bool {
    matches!(
        name,
        "UNKNOWN_BLOCK"
            | "GARBAGE_COLLECTED_BLOCK"
            | "UNKNOWN_TRANSACTION"
            | "UNKNOWN_RECEIPT"
            | "UNKNOWN_TRANSACTION_OR_RECEIPT"
            | "NOT_CONFIRMED"
    )
}

/// The rest that a refusal asks for: seconds, or a moment by this machine's clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = || value.parse().ok().map(Duration::from_secs);
    let moment = || httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok();
    seconds().or_else(moment)
}

fn fix_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "check the API key in its URL",
        404 => "check the path of its URL",
        429 => "it limits the request rate; use an API key or add another endpoint",
        408 | 504 => "it took too long; try again or add another endpoint",
        500..=599 => "it is out of order; try again later or add another endpoint",
        _ => "check that its URL is that of a NEAR RPC node",
    }
}

fn redacted(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}", url.scheme())
}

fn summary(error: &NodeError) -> String {
    match &error.error_struct {
        Some(RpcErrorKind::HandlerError(cause) | RpcErrorKind::InternalError(cause)) => cause.to_string(),
        Some(RpcErrorKind::RequestValidationError(cause)) => format!("{cause:?}"),
        None => error.data.as_ref().map_or_else(|| error.message.clone(), ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redacted__should_hide_every_place_for_credentials() {
        let url = Url::parse("https://user:pass@rpc.example.com:8080/v3/SECRET?apiKey=SECRET").unwrap();
        assert_eq!(redacted(&url), "https://rpc.example.com:8080");
    }

    #[test]
    fn retry_after__should_be_seconds_or_a_moment_to_come() {
        let read = |value: String| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            retry_after(&headers)
        };
        assert_eq!(read("17".to_owned()), Some(Duration::from_secs(17)));
        let in_an_hour = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3_600));
        assert!(read(in_an_hour).is_some_and(|rest| rest > Duration::from_secs(3_000)));
        let past = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH);
        assert_eq!([past, "soon".to_owned(), "-1".to_owned()].map(read), [None; 3]);
    }

    #[test]
    fn endpoint__should_refuse_other_schemes() {
        let error = Endpoint::new(reqwest::Client::new(), "ftp://example.com/KEY").unwrap_err();
        assert!(error.to_string().contains("ftp://example.com"), "{error}");
        assert!(!error.to_string().contains("KEY"), "{error}");
    }
}
