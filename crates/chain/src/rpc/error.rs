//! What can go wrong between us and a node. Every error names the endpoint, without its credentials, and the fix.

use crate::BlockHeight;
use std::time::Duration;

/// No endpoint gave a usable answer. When several failed, this is the last one's failure.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// A configured URL is not one.
    #[error("RPC URL {position} ({reason}) cannot be used; write it like https://rpc.testnet.fastnear.com")]
    InvalidUrl {
        /// The redacted URL, or what is wrong with it.
        reason: String,
        /// Its host if one was found, else a placeholder.
        position: String,
    },
    /// The list of endpoints is empty.
    #[error("no RPC endpoint is configured; set rpc_urls of the network to at least one URL")]
    NoEndpoint,
    /// The HTTP client could not be built (TLS back end).
    #[error("the HTTP client could not be built; check the TLS libraries and certificates of this machine")]
    HttpClient {
        /// Why.
        source: reqwest::Error,
    },
    /// The request could not be written as JSON.
    #[error("the parameters of {method} cannot be written as JSON")]
    Encode {
        /// The RPC method.
        method: String,
        /// Why.
        source: std::io::Error,
    },
    /// The endpoint could not be reached, or the connection broke, or it took too long.
    #[error("RPC endpoint {endpoint} cannot be reached; check that the node runs and the URL is right")]
    Unreachable {
        /// Redacted endpoint.
        endpoint: String,
        /// Why, without the URL.
        source: reqwest::Error,
    },
    /// The endpoint, or a proxy before it, answered with a status and no JSON-RPC message.
    #[error("RPC endpoint {endpoint} answered HTTP {status}: {fix}")]
    HttpStatus {
        /// Redacted endpoint.
        endpoint: String,
        /// HTTP status code.
        status: u16,
        /// What to do about it.
        fix: &'static str,
        /// What the endpoint asked us to wait, when it limits the rate.
        retry_after: Option<Duration>,
    },
    /// The answer is not what the method answers.
    #[error(
        "RPC endpoint {endpoint} gave an answer that is not one of a NEAR node ({reason}); check its URL and version"
    )]
    Malformed {
        /// Redacted endpoint.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The endpoint asked for fewer requests, and is left alone for so long.
    #[error(
        "RPC endpoint {endpoint} limits the request rate and wants {} s of rest; use an API key or add another endpoint",
        rest.as_secs()
    )]
    Resting {
        /// Redacted endpoint.
        endpoint: String,
        /// What is left of the rest.
        rest: Duration,
    },
    /// The node has no chain to answer from yet.
    #[error("RPC endpoint {endpoint} has not synced ({reason}); wait until it has, or add another endpoint")]
    NotSynced {
        /// Redacted endpoint.
        endpoint: String,
        /// The node's name for it.
        reason: String,
    },
    /// The node does not hold the shard of the account that was asked for.
    #[error("RPC endpoint {endpoint} does not follow the shard ({reason}); use an endpoint that follows all shards")]
    ShardUnavailable {
        /// Redacted endpoint.
        endpoint: String,
        /// The node's name for it.
        reason: String,
    },
    /// A block of the question is not in the final chain as the node knows it.
    #[error(
        "RPC endpoint {endpoint} does not count a block as final that another answer did ({reason}); \
         it lags, or is on a fork: wait until it has caught up, or add another endpoint"
    )]
    NotFinal {
        /// Redacted endpoint.
        endpoint: String,
        /// The node's words.
        reason: String,
    },
    /// The node failed inside.
    #[error("RPC endpoint {endpoint} failed inside ({reason}); try again later, or add another endpoint")]
    NodeFailed {
        /// Redacted endpoint.
        endpoint: String,
        /// The node's words.
        reason: String,
    },
    /// The node does not know the method, or rejects the parameters.
    #[error("RPC endpoint {endpoint} rejects the request ({reason}); use an endpoint that offers this method")]
    Rejected {
        /// Redacted endpoint.
        endpoint: String,
        /// The node's words.
        reason: String,
    },
    /// The endpoint's chain is behind what was already read elsewhere.
    #[error(
        "RPC endpoint {endpoint} is at height {height}, below {min_height} which was read before; \
         wait until it has caught up, or remove it"
    )]
    EndpointBehind {
        /// Redacted endpoint.
        endpoint: String,
        /// Where it is.
        height: BlockHeight,
        /// Where it must be.
        min_height: BlockHeight,
    },
}

impl RpcError {
    /// Whether the same request may succeed later without anyone changing the configuration.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::EndpointBehind { .. } | Self::Malformed { .. } => true,
            Self::NotSynced { .. } | Self::ShardUnavailable { .. } | Self::NotFinal { .. } => true,
            Self::NodeFailed { .. } | Self::Resting { .. } => true,
            Self::HttpStatus { status, .. } => !matches!(status, 401 | 403 | 404),
            Self::InvalidUrl { .. }
            | Self::NoEndpoint
            | Self::HttpClient { .. }
            | Self::Encode { .. }
            | Self::Rejected { .. } => false,
        }
    }
}

/// A failed call: either no endpoint answered, or the node answered with an error of the method.
#[derive(Debug, thiserror::Error)]
pub enum RpcCallError<E> {
    /// No usable answer.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The node's answer.
    #[error("RPC endpoint {endpoint} answered with an error")]
    Handler {
        /// Redacted endpoint.
        endpoint: String,
        /// The error as the method defines it.
        error: E,
    },
}
