//! Manifests and payloads from a gateway. Nothing it says is believed: a manifest must have the batch's Merkle root, a
//! payload its digest.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use piecework_api::{
    Account, Batch, BatchSegment, Node, Page, Token,
    client::{Client, ClientError, Options},
    manifest::Place,
};
use piecework_interface::{
    host::sha256,
    ids::{BatchId, Digest},
    view::Balance,
};

use crate::{core::policy::Record, words::Names};

/// Payloads of one lot that are fetched at once.
const AT_ONCE: usize = 8;

/// Batches of a requester that are looked at: its newest.
const BATCHES: u32 = 100;

/// Segments that are asked for at once.
pub(crate) const SEGMENTS: usize = 200;

/// Where manifests and payloads come from.
#[derive(Clone, Debug)]
pub struct Gateway {
    client: Client,
    max_lot_bytes: u64,
}

/// Why a lot's payloads are not in hand.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The gateway does not give what was asked for.
    #[error("{}: {}", one_line(.0), fix(.0))]
    Client(#[from] ClientError),
    /// The gateway does not have it.
    #[error("the gateway at {gateway} has no {what} (404): the requester must upload it, or use another gateway")]
    Missing {
        /// Host of the gateway.
        gateway: String,
        /// What was asked for.
        what: String,
    },
    /// The manifest's address is of no known kind.
    #[error("its manifest is at {0:?}: only blob:<sha256> and http(s) are known; nothing is claimed")]
    Uri(String),
    /// More bytes than allowed.
    #[error("the lot is larger than {limit} bytes: {TOO_LARGE}")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
}

const TOO_LARGE: &str = "raise [work] max_lot_mib to work on it";

/// An error and its deepest cause.
fn one_line(error: &ClientError) -> String {
    let deepest = anyhow::Chain::new(error).skip(1).last();
    deepest.map_or_else(|| error.to_string(), |cause| format!("{error} ({cause})"))
}

const fn fix(error: &ClientError) -> &'static str {
    match error {
        ClientError::Url | ClientError::Setup(_) | ClientError::Unreachable { .. } => {
            "check [gateway] url, or use another gateway"
        }
        ClientError::Refused { .. } | ClientError::Nonsense { .. } | ClientError::Endless { .. } => {
            "use another gateway"
        }
        ClientError::TooLarge { .. } => TOO_LARGE,
        ClientError::Damaged { .. } => {
            "use another gateway, or ask the requester to upload it again; nothing is claimed"
        }
        ClientError::Manifest { .. } => "use another gateway, or ask the requester; nothing is claimed",
    }
}

impl Gateway {
    /// A client of the gateway at `url`.
    ///
    /// # Errors
    /// If the URL is malformed or the HTTP client cannot be set up.
    pub fn new(url: &str, max_lot_bytes: u64) -> Result<Self, ClientError> {
        let options = Options {
            connect_timeout: Duration::from_secs(3),
            read_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(120),
            tries: 4,
            pause: Duration::from_millis(400),
            // A gateway may be a little behind the chain, and a requester behind its uploads.
            awaits_missing: true,
            answer_max: 1 << 20,
        };
        Ok(Self { client: Client::new(url, options)?, max_lot_bytes })
    }

    /// Where the manifest of the items is that a batch was created with. `height` is a block in which the batch exists.
    ///
    /// # Errors
    /// If the gateway does not say.
    pub async fn uri(&self, batch: BatchId, height: u64) -> Result<String, GatewayError> {
        let known = self.client.batch(batch, Some(height)).await?;
        Ok(known.ok_or_else(|| self.missing(format!("batch {batch}")))?.uri)
    }

    /// Segments of a batch from this item on, in order: some at least, unless the gateway is behind the chain or there are none.
    ///
    /// # Errors
    /// If the gateway does not give them.
    pub async fn segments(
        &self,
        batch: BatchId,
        from_item: u32,
        height: u64,
    ) -> Result<Vec<BatchSegment>, GatewayError> {
        let path = format!("/v1/batches/{batch}/segments?limit={SEGMENTS}&from_item={from_item}&min_height={height}");
        let page: Option<Page<BatchSegment>> = self.client.get(&path).await?;
        Ok(page.ok_or_else(|| self.missing(format!("batch {batch}")))?.items)
    }

    /// The digests of a segment's payloads, checked against the root on chain.
    ///
    /// # Errors
    /// If they cannot be had or are not those of the segment.
    pub async fn manifest(&self, segment: &BatchSegment) -> Result<Vec<Digest>, GatewayError> {
        let BatchSegment { items, manifest, uri, .. } = segment;
        let Some(place) = Place::of(uri) else { return Err(GatewayError::Uri(uri.clone())) };
        let digests = self.client.manifest(&place, *items, manifest).await?;
        digests.ok_or_else(|| self.missing("manifest of the batch".to_owned()))
    }

    /// The payloads of these digests, each checked.
    ///
    /// # Errors
    /// The first that cannot be had.
    pub async fn payloads(&self, digests: &[Digest]) -> Result<Vec<Vec<u8>>, GatewayError> {
        let mut left = self.max_lot_bytes;
        let fetch = |digest: Digest| async move { self.payload(&digest).await };
        let mut payloads = stream::iter(digests.to_vec()).map(fetch).buffered(AT_ONCE);
        let mut all = Vec::with_capacity(digests.len());
        while let Some(payload) = payloads.try_next().await? {
            let size = u64::try_from(payload.len()).unwrap_or(u64::MAX);
            left = left.checked_sub(size).ok_or(GatewayError::TooLarge { limit: self.max_lot_bytes })?;
            all.push(payload);
        }
        Ok(all)
    }

    /// How the lots of the newest batches of a batch's requester ended.
    ///
    /// # Errors
    /// If the gateway does not say.
    pub async fn requester(&self, batch: BatchId) -> Result<Record, GatewayError> {
        let known = self.client.batch(batch, None).await?;
        let requester_id = known.ok_or_else(|| self.missing(format!("batch {batch}")))?.requester_id;
        let path = format!("/v1/batches?limit={BATCHES}&requester_id={requester_id}");
        let page: Option<Page<Batch>> = self.client.get(&path).await?;
        let batches = page.ok_or_else(|| self.missing(format!("batches of {requester_id}")))?.items;
        Ok(batches.iter().fold(Record::default(), add))
    }

    /// What a node was credited for its work, by token.
    ///
    /// # Errors
    /// If the gateway does not say.
    pub async fn earned(&self, account_id: &str) -> Result<Vec<Balance>, GatewayError> {
        let node: Option<Node> = self.client.get(&format!("/v1/nodes/{account_id}")).await?;
        Ok(node.ok_or_else(|| self.missing(format!("node {account_id}")))?.earned)
    }

    /// Names of the first accounts and tokens.
    ///
    /// # Errors
    /// If the gateway does not say.
    pub async fn names(&self) -> Result<Names, GatewayError> {
        let accounts: Option<Page<Account>> = self.client.get("/v1/accounts?limit=200").await?;
        let tokens: Option<Page<Token>> = self.client.get("/v1/tokens?limit=200").await?;
        let accounts = accounts.map(|page| page.items).unwrap_or_default();
        let accounts = accounts.into_iter().map(|account| (account.account, account.account_id));
        Ok(Names::new(accounts, tokens.map(|page| page.items).unwrap_or_default()))
    }

    /// Stores a document under its digest.
    ///
    /// # Errors
    /// If the gateway does not take it.
    pub async fn publish(&self, document: &[u8]) -> Result<(), GatewayError> {
        Ok(self.client.put_blob(&sha256(document), document).await?)
    }

    /// Whether the gateway answers.
    ///
    /// # Errors
    /// If not.
    pub async fn ping(&self) -> Result<(), GatewayError> {
        Ok(self.client.ping().await?)
    }

    async fn payload(&self, digest: &Digest) -> Result<Vec<u8>, GatewayError> {
        let payload = self.client.blob(digest, self.max_lot_bytes).await?;
        payload.ok_or_else(|| self.missing(format!("payload {}", hex::encode(digest))))
    }

    fn missing(&self, what: String) -> GatewayError {
        GatewayError::Missing { gateway: self.client.host(), what }
    }
}

/// Adds a batch to its requester's record.
fn add(record: Record, batch: &Batch) -> Record {
    let counts = &batch.counts;
    let withdrawn = u64::from(counts.withdrawn_lots);
    // Lots' worth of items, by the lots' real size: many batches have one short lot.
    let lots = u64::from(counts.unresolved_items) * u64::from(counts.settled_lots);
    let items = u64::from(counts.settled_items.max(1));
    let unresolved = (lots + items / 2) / items;
    Record {
        ended: record.ended + u64::from(counts.settled_lots) + withdrawn,
        unresolved: record.unresolved + unresolved,
        withdrawn: record.withdrawn + withdrawn,
        contested: record.contested + u64::from(counts.contested_lots),
        upheld: record.upheld + u64::from(counts.upheld_lots),
    }
}
