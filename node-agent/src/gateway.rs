//! Manifests and payloads from a gateway. Nothing it says is believed: a manifest must have the batch's Merkle root, a
//! payload its digest.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use piecework_interface::{host::sha256, ids::BatchId, merkle};
use reqwest::{Client, StatusCode};
use serde::Deserialize;

/// Payloads of one lot that are fetched at once.
const AT_ONCE: usize = 8;
/// A gateway that is a little behind is asked again so often.
const TRIES: u32 = 4;
const TRY_AGAIN: Duration = Duration::from_millis(400);

/// Where manifests and payloads come from.
#[derive(Clone, Debug)]
pub struct Gateway {
    client: Client,
    url: String,
    max_lot_bytes: u64,
}

/// Why a lot's payloads are not in hand.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// No answer.
    #[error("gateway {gateway} does not answer for {what} ({reason}): check [gateway] url, or use another gateway")]
    Unreachable {
        /// Host of the gateway.
        gateway: String,
        /// What was asked for.
        what: String,
        /// Why.
        reason: String,
    },
    /// A refusal.
    #[error("gateway {gateway} answers {status} for {what}: the requester must upload it, or use another gateway")]
    Refused {
        /// Host of the gateway.
        gateway: String,
        /// What was asked for.
        what: String,
        /// HTTP status.
        status: StatusCode,
    },
    /// An answer that cannot be read.
    #[error("gateway {gateway} answers nonsense for {what}: use another gateway")]
    Nonsense {
        /// Host of the gateway.
        gateway: String,
        /// What was asked for.
        what: String,
    },
    /// The manifest's address is of no known kind.
    #[error("batch {batch} has its manifest at {uri:?}: only blob:<sha256> and http(s) are known; nothing is claimed")]
    Uri {
        /// The batch.
        batch: BatchId,
        /// Its address.
        uri: String,
    },
    /// The manifest does not belong to the batch.
    #[error(
        "the manifest of batch {batch} does not have the root {root} that is on chain: use another gateway, or ask the \
         requester; nothing is claimed"
    )]
    Manifest {
        /// The batch.
        batch: BatchId,
        /// The root on chain.
        root: String,
    },
    /// A payload does not have its digest.
    #[error(
        "payload {digest} arrives damaged: use another gateway, or ask the requester to upload it again; nothing is claimed"
    )]
    Payload {
        /// Its digest.
        digest: String,
    },
    /// More bytes than allowed.
    #[error("{what} is larger than {limit} bytes: raise [work] max_lot_mib to work on it")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// The limit.
        limit: u64,
    },
}

impl GatewayError {
    fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => {
                status.is_server_error()
                    || matches!(*status, StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS)
            }
            _ => false,
        }
    }
}

#[derive(Deserialize)]
struct BatchAnswer {
    uri: String,
}

impl Gateway {
    /// A client of the gateway at `url`.
    ///
    /// # Errors
    /// If the HTTP client cannot be set up.
    pub fn new(url: &str, max_lot_bytes: u64) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .read_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(120))
            .build()?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), max_lot_bytes })
    }

    /// The digests of a batch's payloads, checked against the root on chain. `height` is a block in which the batch exists.
    ///
    /// # Errors
    /// If they cannot be had or are not those of the batch.
    pub async fn manifest(
        &self,
        batch: BatchId,
        items: u32,
        root: &[u8; 32],
        height: u64,
    ) -> Result<Vec<u8>, GatewayError> {
        let what = format!("batch {batch}");
        let url = format!("{}/v1/batches/{batch}?min_height={height}", self.url);
        let answer = self.get(&url, &what, 1 << 20).await?;
        let answer: BatchAnswer = serde_json::from_slice(&answer)
            .map_err(|_| GatewayError::Nonsense { gateway: host(&url), what: what.clone() })?;
        let url = match answer.uri.split_once(':') {
            Some(("blob", digest)) if digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                self.blob_url(digest)
            }
            Some(("http" | "https", _)) => answer.uri,
            _ => return Err(GatewayError::Uri { batch, uri: answer.uri }),
        };
        let bytes = self.get(&url, &format!("the manifest of batch {batch}"), 32 * u64::from(items)).await?;
        match digests(&bytes, items, root) {
            Some(_) => Ok(bytes),
            None => Err(GatewayError::Manifest { batch, root: hex::encode(root) }),
        }
    }

    /// The payloads of these digests, each checked.
    ///
    /// # Errors
    /// The first that cannot be had.
    pub async fn payloads(&self, digests: &[[u8; 32]]) -> Result<Vec<Vec<u8>>, GatewayError> {
        let mut left = self.max_lot_bytes;
        let fetch = |digest: [u8; 32]| async move { self.payload(&digest).await };
        let mut payloads = stream::iter(digests.to_vec()).map(fetch).buffered(AT_ONCE);
        let mut all = Vec::with_capacity(digests.len());
        while let Some(payload) = payloads.try_next().await? {
            let size = u64::try_from(payload.len()).unwrap_or(u64::MAX);
            let too_large = || GatewayError::TooLarge { what: "the lot".to_owned(), limit: self.max_lot_bytes };
            left = left.checked_sub(size).ok_or_else(too_large)?;
            all.push(payload);
        }
        Ok(all)
    }

    /// Whether the gateway answers.
    ///
    /// # Errors
    /// If not.
    pub async fn ping(&self) -> Result<(), GatewayError> {
        self.get_once(&format!("{}/livez", self.url), "its health", 1 << 20).await.map(drop)
    }

    async fn payload(&self, digest: &[u8; 32]) -> Result<Vec<u8>, GatewayError> {
        let hex = hex::encode(digest);
        let payload = self.get(&self.blob_url(&hex), &format!("payload {hex}"), self.max_lot_bytes).await?;
        if sha256(&payload) == *digest { Ok(payload) } else { Err(GatewayError::Payload { digest: hex }) }
    }

    fn blob_url(&self, digest: &str) -> String {
        format!("{}/v1/blobs/{digest}", self.url)
    }

    async fn get(&self, url: &str, what: &str, limit: u64) -> Result<Vec<u8>, GatewayError> {
        let mut tries = 1;
        loop {
            match self.get_once(url, what, limit).await {
                Err(error) if error.is_passing() && tries < TRIES => {
                    tracing::debug!(%error, "gateway.retry");
                    tokio::time::sleep(TRY_AGAIN * tries).await;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn get_once(&self, url: &str, what: &str, limit: u64) -> Result<Vec<u8>, GatewayError> {
        let unreachable = |error: reqwest::Error| GatewayError::Unreachable {
            gateway: host(url),
            what: what.to_owned(),
            reason: deepest(&error.without_url()),
        };
        let answer = self.client.get(url).send().await.map_err(unreachable)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(GatewayError::Refused { gateway: host(url), what: what.to_owned(), status });
        }
        let mut bytes = Vec::new();
        let mut chunks = answer.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            bytes.extend_from_slice(&chunk.map_err(unreachable)?);
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
                return Err(GatewayError::TooLarge { what: what.to_owned(), limit });
            }
        }
        Ok(bytes)
    }
}

/// The digests in a manifest, if it is the one with this root.
#[must_use]
pub fn digests(manifest: &[u8], items: u32, root: &[u8; 32]) -> Option<Vec<[u8; 32]>> {
    let (digests, rest) = manifest.as_chunks::<32>();
    let whole = rest.is_empty() && u32::try_from(digests.len()) == Ok(items);
    (whole && merkle::root(sha256, digests) == *root).then(|| digests.to_vec())
}

/// The host of a URL, without what may be secret in it.
fn host(url: &str) -> String {
    let url = reqwest::Url::parse(url).ok();
    let host = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
    host.map_or_else(|| "at a bad URL".to_owned(), |(host, port)| format!("{host}:{port}"))
}

fn deepest(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
