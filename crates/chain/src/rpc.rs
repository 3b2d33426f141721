//! A JSON-RPC client over several endpoints: time limits, retries with full jitter, fail-over.
//!
//! Requests, answers and error shapes are those of `near-jsonrpc-client`; only the HTTP exchange is ours,
//! because that library drops the body of every answer whose status is not 200, and nearcore answers a
//! skipped height with 422 and a waiting transaction with 408.

mod endpoint;
mod error;
mod pace;
mod retry;

pub use error::{RpcCallError, RpcError};
pub use near_jsonrpc_client::methods::RpcMethod;
pub use retry::RetryPolicy;

use crate::BlockHeight;
use endpoint::{Endpoint, Miss};
use near_jsonrpc_client::methods;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Where the nodes are and how patient the client is with them.
#[derive(Clone, Debug)]
pub struct RpcConfig {
    /// Endpoint URLs, preferred first.
    pub urls: Vec<String>,
    /// Longest time to open a connection.
    pub connect_timeout: Duration,
    /// Longest time for one request, answer included. A node holds a waiting `send_tx` for about 10 s.
    pub request_timeout: Duration,
    /// How often and how soon a request is tried again.
    pub retry: RetryPolicy,
}

impl RpcConfig {
    /// The defaults (connect 3 s, request 20 s) for these endpoints.
    pub fn new(urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            urls: urls.into_iter().map(Into::into).collect(),
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(20),
            retry: RetryPolicy::default(),
        }
    }
}

/// How far one node behind an address may lag behind another, and is borne with: public ones do so by seconds.
pub const LAG: Duration = Duration::from_secs(20);
/// Between two questions to a node that lags.
pub const LAG_POLL: Duration = Duration::from_millis(100);
/// The longest rest of its only endpoints that a call waits out. A longer one is an error, and still nothing is sent.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// An answer and the endpoint that gave it, without its credentials.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    pub(crate) endpoint: Arc<str>,
}

/// A handle to one or more endpoints of the same network. Clones share connections and the current endpoint.
#[derive(Clone, Debug)]
pub struct RpcClient {
    endpoints: Arc<[Endpoint]>,
    current: Arc<AtomicUsize>,
    retry: RetryPolicy,
    min_height: Arc<AtomicU64>,
    pub(crate) lag: Duration,
}

impl RpcClient {
    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    /// If there is no URL or one cannot be parsed.
    pub fn new(config: RpcConfig) -> Result<Self, RpcError> {
        let http = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            .timeout(config.request_timeout)
            // Signed bytes go to the endpoints that were configured, and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|source| RpcError::HttpClient { source })?;
        let endpoints =
            config.urls.iter().map(|url| Endpoint::new(http.clone(), url)).collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(RpcError::NoEndpoint);
        }
        let (retry, lag) = (config.retry, Duration::ZERO);
        Ok(Self { endpoints: endpoints.into(), current: Arc::default(), retry, min_height: Arc::default(), lag })
    }

    /// The same client refusing answers about a moving block (`Final`, `Latest`) that lies below `height`, so that
    /// a reader never goes back in time when the endpoint changes.
    #[must_use]
    pub fn with_min_height(&self, height: BlockHeight) -> Self {
        Self { min_height: Arc::new(height.into()), ..self.clone() }
    }

    /// Makes this client and its clones refuse such answers from now on: one address may stand for several nodes, and what a
    /// transaction did must be seen by who reads after it.
    pub fn raise_min_height(&self, height: BlockHeight) {
        self.min_height.fetch_max(height, Ordering::Relaxed);
    }

    /// The same client for questions at blocks that another answer named: an endpoint that does not know such a block
    /// lags, and is asked again for up to [`LAG`].
    #[must_use]
    pub fn with_lag(&self) -> Self {
        Self { lag: LAG, ..self.clone() }
    }

    /// The same client with another patience.
    #[must_use]
    pub fn with_retry(&self, retry: RetryPolicy) -> Self {
        Self { retry, ..self.clone() }
    }

    /// The endpoint asked first, with credentials removed: scheme, host and port only.
    pub fn endpoint(&self) -> &str {
        self.endpoints[self.current.load(Ordering::Relaxed) % self.endpoints.len()].name()
    }

    /// Calls any method of `near-jsonrpc-client`.
    ///
    /// # Errors
    /// The node's typed answer, or why no endpoint gave one.
    pub async fn call<M: RpcMethod>(&self, method: M) -> Result<M::Response, RpcCallError<M::Error>> {
        self.call_from(method, |_| Ok(None)).await.map(|answer| answer.value)
    }

    /// Calls a method by name, with JSON in and out.
    ///
    /// # Errors
    /// As [`RpcClient::call`].
    pub async fn call_any(
        &self,
        method: &str,
        params: serde_json::Value,
    ) -> Result<serde_json::Value, RpcCallError<serde_json::Value>> {
        self.call(methods::any::<Result<serde_json::Value, serde_json::Value>>(method, params)).await
    }

    /// Calls a method, says which endpoint answered, and examines the answer: the height that it lies at, if the node
    /// chose that, to which the height bound applies; or why it is no answer to this question.
    ///
    /// Where endpoints fail in different ways, a failure that may pass is the answer rather than one that may not: the
    /// caller gives up only when no endpoint can ever answer.
    pub(crate) async fn call_from<M: RpcMethod>(
        &self,
        method: M,
        examine: impl Fn(&M::Response) -> Result<Option<BlockHeight>, &'static str>,
    ) -> Result<Answer<M::Response>, RpcCallError<M::Error>> {
        let body = methods::to_json(&method)
            .map_err(|source| RpcError::Encode { method: method.method_name().to_owned(), source })?
            .to_string();
        let first = self.current.load(Ordering::Relaxed);
        let count = self.endpoints.len();
        let (mut absent, mut passing, mut lasting) = (None, None, None);
        for round in 0..self.retry.rounds.max(1) {
            if round > 0 {
                tokio::time::sleep(self.retry.delay(round)).await;
            }
            self.rest().await?;
            let (mut leave, mut again) = (false, false);
            for index in (first..first + count).map(|index| index % count) {
                let endpoint = &self.endpoints[index];
                if endpoint.is_distrusted() {
                    continue;
                }
                let rest = endpoint.rest();
                if !rest.is_zero() {
                    (leave, again) = (true, true);
                    passing.get_or_insert_with(|| RpcError::Resting { endpoint: endpoint.name().to_string(), rest });
                    continue;
                }
                match self.ask::<M>(endpoint, &body, &examine).await {
                    Ok(value) => {
                        // An endpoint that merely lacked one old block keeps its place; one that failed loses it.
                        if leave {
                            self.current.store(index, Ordering::Relaxed);
                        }
                        return Ok(Answer { value, endpoint: Arc::clone(endpoint.name()) });
                    }
                    Err(Miss::Absent(error)) => absent = Some(error),
                    Err(Miss::Refused(error)) => return Err(error),
                    Err(Miss::Failed(error)) => {
                        tracing::debug!(method = method.method_name(), %error, "rpc.retry");
                        leave = true;
                        if error.is_transient() {
                            (again, passing) = (true, Some(error));
                        } else {
                            lasting = Some(error);
                        }
                    }
                }
            }
            if !again {
                break;
            }
        }
        Err(absent.unwrap_or_else(|| passing.or(lasting).unwrap_or(RpcError::NoEndpoint).into()))
    }

    /// Waits until an endpoint may be asked, if all of them want rest.
    async fn rest(&self) -> Result<(), RpcError> {
        let trusted = self.endpoints.iter().filter(|endpoint| !endpoint.is_distrusted());
        let Some(soonest) = trusted.min_by_key(|endpoint| endpoint.rest()) else { return Err(RpcError::NoEndpoint) };
        let rest = soonest.rest();
        if rest > LONGEST_WAIT {
            return Err(RpcError::Resting { endpoint: soonest.name().to_string(), rest });
        }
        if !rest.is_zero() {
            tracing::warn!(endpoint = %soonest.name(), rest_ms = rest.as_millis(), "rpc.rate_limited");
            tokio::time::sleep(rest).await;
        }
        Ok(())
    }

    /// This client for each of its endpoints alone.
    pub(crate) fn each(&self) -> impl Iterator<Item = Self> {
        let trusted = self.endpoints.iter().filter(|endpoint| !endpoint.is_distrusted());
        trusted.map(|endpoint| Self { endpoints: [endpoint.clone()].into(), current: Arc::default(), ..self.clone() })
    }

    /// Leaves an endpoint out from now on, for all clones of this client; `false` if it is the last one trusted, which
    /// stays.
    pub(crate) fn distrust(&self, endpoint: &str) -> bool {
        let others = self.endpoints.iter().any(|other| !other.is_distrusted() && **other.name() != *endpoint);
        let accused = self.endpoints.iter().find(|known| !known.is_distrusted() && **known.name() == *endpoint);
        if others && let Some(accused) = accused {
            accused.distrust();
        }
        others
    }

    async fn ask<M: RpcMethod>(
        &self,
        endpoint: &Endpoint,
        body: &str,
        examine: impl Fn(&M::Response) -> Result<Option<BlockHeight>, &'static str>,
    ) -> Result<M::Response, Miss<M::Error>> {
        let answer = endpoint.ask::<M>(body).await?;
        let min_height = self.min_height.load(Ordering::Relaxed);
        match examine(&answer) {
            Err(reason) => Err(Miss::Failed(RpcError::Malformed {
                endpoint: endpoint.name().to_string(),
                reason: reason.to_owned(),
            })),
            Ok(Some(height)) if height < min_height => Err(Miss::Failed(RpcError::EndpointBehind {
                endpoint: endpoint.name().to_string(),
                height,
                min_height,
            })),
            _ => Ok(answer),
        }
    }
}
