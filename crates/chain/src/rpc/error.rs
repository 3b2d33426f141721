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
    /// The node says that it cannot answer now.
    #[error("RPC endpoint {endpoint} cannot answer now ({reason}); wait until it has synced, or add another endpoint")]
    NodeUnavailable {
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
            Self::Unreachable { .. } | Self::NodeUnavailable { .. } | Self::EndpointBehind { .. } => true,
            Self::Malformed { .. } => true,
            Self::HttpStatus { status, .. } => !matches!(status, 401 | 403 | 404),
            Self::InvalidUrl { .. }
            | Self::NoEndpoint
            | Self::HttpClient { .. }
            | Self::Encode { .. }
            | Self::Rejected { .. } => false,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::HttpStatus { retry_after, .. } => *retry_after,
            _ => None,
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
