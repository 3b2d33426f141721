//! The client of a gateway: blobs by their digests, and what the mirror knows. Every request may be repeated.

mod error;

pub use error::ClientError;
pub use reqwest::{StatusCode, Url};

use std::time::Duration;

use piecework_interface::{
    host::sha256,
    ids::{BatchId, Digest, LotId},
};
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use crate::{
    Batch, BatchGold, BatchSegment, Class, EventPage, GoldItem, GoldPage, GoldStored, LedgerEntry, Lot, LotResult,
    LotWithSlots, Network, Page, StakeSpan,
    manifest::{self, Place},
};

/// Rows of a page.
const PAGE: u32 = 200;
/// Pages of a list at most: thirteen million rows.
const PAGES_MAX: u32 = 1 << 16;
/// Bytes of a manifest at most: those of two million items. The requester chooses the number of items.
const MANIFEST_MAX: u64 = 64 << 20;
/// Bytes of a refusal's body at most.
const REFUSAL_MAX: u64 = 64 << 10;

/// How patient a client is.
#[derive(Clone, Debug)]
pub struct Options {
    /// Time for a connection.
    pub connect_timeout: Duration,
    /// Time between two pieces of an answer.
    pub read_timeout: Duration,
    /// Time for a request, answer included.
    pub timeout: Duration,
    /// Tries of a request whose refusal passes, [`ClientError::is_passing`].
    pub tries: u32,
    /// Pause after the first try; it doubles.
    pub pause: Duration,
    /// Whether what is missing is asked for again too: it may be on its way.
    pub awaits_missing: bool,
    /// Bytes of a JSON answer at most.
    pub answer_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(60),
            timeout: Duration::from_secs(60),
            tries: 3,
            pause: Duration::from_millis(200),
            awaits_missing: false,
            answer_max: 64 << 20,
        }
    }
}

/// A client of one gateway.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    options: Options,
}

/// A request, and what it is called in errors.
struct Ask<'a> {
    method: Method,
    url: Url,
    what: String,
    body: Option<&'a [u8]>,
    limit: u64,
}

impl Client {
    /// A client of the gateway at `url`. Nothing is sent.
    ///
    /// # Errors
    /// The URL is malformed, or the HTTP client cannot be set up.
    pub fn new(url: &str, options: Options) -> Result<Self, ClientError> {
        let is_web = |url: &Url| matches!(url.scheme(), "http" | "https");
        let url = Url::parse(url).ok().filter(is_web).ok_or(ClientError::Url)?;
        let http = reqwest::Client::builder()
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.read_timeout)
            .timeout(options.timeout)
            .build()
            .map_err(ClientError::Setup)?;
        Ok(Self { http, url, options })
    }

    /// Host and port: what may be shown of the URL.
    #[must_use]
    pub fn host(&self) -> String {
        host(&self.url)
    }

    /// A resource as JSON; `None` if there is none.
    ///
    /// # Errors
    /// The gateway does not answer, refuses, or answers something else.
    pub async fn get<R: DeserializeOwned>(&self, path: &str) -> Result<Option<R>, ClientError> {
        found(self.json(path, path).await)
    }

    /// A batch. With `min_height` the gateway waits for that block first.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn batch(&self, batch: BatchId, min_height: Option<u64>) -> Result<Option<Batch>, ClientError> {
        let height = min_height.map(|height| format!("?min_height={height}")).unwrap_or_default();
        found(self.json(&format!("/v1/batches/{batch}{height}"), &format!("batch {batch}")).await)
    }

    /// All batches of an account, newest first.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn batches_of(&self, requester_id: &str) -> Result<Vec<Batch>, ClientError> {
        self.pages(
            &format!("/v1/batches?limit={PAGE}&requester_id={requester_id}"),
            &format!("batches of {requester_id}"),
        )
        .await
    }

    /// All registered classes, by number.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn classes(&self) -> Result<Vec<Class>, ClientError> {
        self.pages(&format!("/v1/classes?limit={PAGE}"), "the classes").await
    }

    /// Segments of a batch from item `from_item` on, in order. Batches without appends have one.
    ///
    /// # Errors
    /// As [`Client::get`], or there is no such batch.
    pub async fn segments(&self, batch: BatchId, from_item: u32) -> Result<Vec<BatchSegment>, ClientError> {
        let path = format!("/v1/batches/{batch}/segments?limit={PAGE}&from_item={from_item}");
        self.pages(&path, &format!("the segments of batch {batch}")).await
    }

    /// All lots of a batch, in order.
    ///
    /// # Errors
    /// As [`Client::get`], or there is no such batch.
    pub async fn lots(&self, batch: BatchId) -> Result<Vec<Lot>, ClientError> {
        self.pages(&format!("/v1/batches/{batch}/lots?limit={PAGE}"), &format!("the lots of batch {batch}")).await
    }

    /// A lot with its slots.
    ///
    /// # Errors
    /// As [`Client::get`], or there is no such lot.
    pub async fn lot(&self, batch: BatchId, lot: LotId) -> Result<LotWithSlots, ClientError> {
        self.json(&format!("/v1/batches/{batch}/lots/{lot}"), &format!("lot {lot} of batch {batch}")).await
    }

    /// Results of all settled lots of a batch, in the order in which they settled.
    ///
    /// # Errors
    /// As [`Client::get`], or there is no such batch.
    pub async fn results(&self, batch: BatchId) -> Result<Vec<LotResult>, ClientError> {
        self.pages(&format!("/v1/batches/{batch}/results?limit={PAGE}"), &format!("the results of batch {batch}")).await
    }

    /// Gold of a batch, every open leaf of it.
    ///
    /// # Errors
    /// As [`Client::get`], or the batch has no gold.
    pub async fn gold(&self, batch: BatchId) -> Result<(BatchGold, Vec<GoldItem>), ClientError> {
        let what = format!("the gold of batch {batch}");
        let path = format!("/v1/batches/{batch}/gold?limit={PAGE}");
        let first: GoldPage = self.json(&path, &what).await?;
        let mut items = first.page.items;
        if let Some(next) = first.page.next {
            items.extend(self.pages_from(&path, format!("&cursor={next}"), &what).await?);
        }
        Ok((first.gold, items))
    }

    /// Publishes a document of openings: [`crate::GoldDocument`] as JSON. Publishing it again changes nothing.
    ///
    /// # Errors
    /// As [`Client::get`]; an opening is not proven, or its lot still takes answers: then nothing is stored.
    pub async fn post_gold(&self, batch: BatchId, document: &[u8]) -> Result<GoldStored, ClientError> {
        let ask = self.ask(&format!("/v1/batches/{batch}/gold"), &format!("gold of batch {batch}"))?;
        let ask = Ask { method: Method::POST, body: Some(document), ..ask };
        self.answer(ask).await
    }

    /// At most `limit` journal lines as logged, from line `since_seq` on. With `min_height` the gateway waits for that
    /// block first.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn events(&self, since_seq: u64, limit: u32, min_height: Option<u64>) -> Result<EventPage, ClientError> {
        let height = min_height.map(|height| format!("&min_height={height}")).unwrap_or_default();
        let path = format!("/v1/events?since_seq={since_seq}&limit={limit}&lines=true{height}");
        self.json(&path, &format!("the journal from line {since_seq}")).await
    }

    /// The market in numbers, and where the mirror stands. With `min_height` the gateway waits for that block first.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn network(&self, min_height: Option<u64>) -> Result<Network, ClientError> {
        let height = min_height.map(|height| format!("?min_height={height}")).unwrap_or_default();
        self.json(&format!("/v1/network{height}"), "the market").await
    }

    /// What stood behind each node from line `from_seq` to before line `until_seq`, by account number.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn stakes(&self, from_seq: u64, until_seq: u64) -> Result<Vec<StakeSpan>, ClientError> {
        let path = format!("/v1/stakes?from_seq={from_seq}&until_seq={until_seq}&limit={PAGE}");
        self.pages(&path, &format!("the stakes from line {from_seq} to line {until_seq}")).await
    }

    /// Movements of an account's balances since a Unix time, seconds, newest first.
    ///
    /// # Errors
    /// As [`Client::get`], or the account is not registered.
    pub async fn ledger_since(&self, account_id: &str, since: u64) -> Result<Vec<LedgerEntry>, ClientError> {
        let (path, what) =
            (format!("/v1/accounts/{account_id}/ledger?limit={PAGE}"), format!("the ledger of {account_id}"));
        let mut rows: Vec<LedgerEntry> = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES_MAX {
            let page: Page<LedgerEntry> = self.json(&format!("{path}{cursor}"), &what).await?;
            let is_older = page.items.last().is_none_or(|entry| u64::from(entry.block_at) < since);
            rows.extend(page.items.into_iter().take_while(|entry| u64::from(entry.block_at) >= since));
            match page.next {
                Some(next) if !is_older => cursor = format!("&cursor={next}"),
                _ => return Ok(rows),
            }
        }
        Err(ClientError::Endless { host: self.host(), what })
    }

    /// A blob of at most `limit` bytes; `None` if the gateway does not have it.
    ///
    /// # Errors
    /// As [`Client::get`]; it is larger, or its bytes do not have the digest.
    pub async fn blob(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, ClientError> {
        let Some(bytes) = found(self.send(&self.blob_ask(Method::GET, digest, limit)?).await)? else {
            return Ok(None);
        };
        if sha256(&bytes) != *digest {
            return Err(ClientError::Damaged { host: self.host(), digest: hex::encode(digest) });
        }
        Ok(Some(bytes))
    }

    /// Whether the gateway has a blob.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn has_blob(&self, digest: &Digest) -> Result<bool, ClientError> {
        Ok(found(self.send(&self.blob_ask(Method::HEAD, digest, 0)?).await)?.is_some())
    }

    /// Stores a blob under its digest. Storing it again changes nothing.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn put_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), ClientError> {
        let ask = Ask { body: Some(bytes), ..self.blob_ask(Method::PUT, digest, REFUSAL_MAX)? };
        self.send(&ask).await.map(drop)
    }

    /// The payload digests of a batch of `items`, from its manifest's place; `None` if the manifest is not there.
    ///
    /// # Errors
    /// As [`Client::get`]; it is larger than 64 MiB, which is known before it is asked for; it is not the manifest
    /// with this root.
    pub async fn manifest(&self, place: &Place, items: u32, root: &Digest) -> Result<Option<Vec<Digest>>, ClientError> {
        let limit = 32 * u64::from(items);
        if limit > MANIFEST_MAX {
            return Err(ClientError::TooLarge { what: "the manifest".to_owned(), limit: MANIFEST_MAX });
        }
        // The root says more than the blob's digest, which is the gateway's word.
        let ask = match place {
            Place::Blob(digest) => self.blob_ask(Method::GET, digest, limit)?,
            Place::Web(url) => {
                let url = Url::parse(url).map_err(|_| ClientError::Url)?;
                Ask { method: Method::GET, url, what: "the manifest".to_owned(), body: None, limit }
            }
        };
        let Some(bytes) = found(self.send(&ask).await)? else { return Ok(None) };
        let wrong = || ClientError::Manifest { host: host(&ask.url), root: hex::encode(root) };
        manifest::check(&bytes, items, root).ok_or_else(wrong).map(Some)
    }

    /// Checks that the gateway answers, with one try.
    ///
    /// # Errors
    /// It does not, or is no gateway.
    pub async fn ping(&self) -> Result<(), ClientError> {
        self.send_once(&self.ask("/livez", "its health")?).await.map(drop)
    }

    fn ask(&self, path: &str, what: &str) -> Result<Ask<'static>, ClientError> {
        let url = format!("{}{path}", self.url.as_str().trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|_| ClientError::Url)?;
        Ok(Ask { method: Method::GET, url, what: what.to_owned(), body: None, limit: self.options.answer_max })
    }

    fn blob_ask(&self, method: Method, digest: &Digest, limit: u64) -> Result<Ask<'static>, ClientError> {
        let name = hex::encode(digest);
        let ask = self.ask(&format!("/v1/blobs/{name}"), &format!("blob {name}"))?;
        Ok(Ask { method, limit, ..ask })
    }

    async fn json<R: DeserializeOwned>(&self, path: &str, what: &str) -> Result<R, ClientError> {
        self.answer(self.ask(path, what)?).await
    }

    async fn answer<R: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<R, ClientError> {
        let bytes = self.send(&ask).await?;
        let nonsense = |source| ClientError::Nonsense { host: self.host(), what: ask.what, source };
        serde_json::from_slice(&bytes).map_err(nonsense)
    }

    /// All rows of a list; `path` has a parameter already.
    async fn pages<R: DeserializeOwned>(&self, path: &str, what: &str) -> Result<Vec<R>, ClientError> {
        self.pages_from(path, String::new(), what).await
    }

    /// The rows of a list from a page on.
    async fn pages_from<R: DeserializeOwned>(
        &self,
        path: &str,
        mut cursor: String,
        what: &str,
    ) -> Result<Vec<R>, ClientError> {
        let mut rows = Vec::new();
        for _ in 0..PAGES_MAX {
            let page: Page<R> = self.json(&format!("{path}{cursor}"), what).await?;
            rows.extend(page.items);
            let Some(next) = page.next.map(|next| format!("&cursor={next}")) else { return Ok(rows) };
            if next == cursor {
                break;
            }
            cursor = next;
        }
        Err(ClientError::Endless { host: self.host(), what: what.to_owned() })
    }

    async fn send(&self, ask: &Ask<'_>) -> Result<Vec<u8>, ClientError> {
        let mut pause = self.options.pause;
        for _ in 1..self.options.tries {
            match self.send_once(ask).await {
                Err(error) if error.is_passing() || (self.options.awaits_missing && error.is_missing()) => {
                    tracing::debug!(%error, "gateway.retry");
                }
                answer => return answer,
            }
            sleep(pause).await;
            pause *= 2;
        }
        self.send_once(ask).await
    }

    async fn send_once(&self, ask: &Ask<'_>) -> Result<Vec<u8>, ClientError> {
        let mut request = self.http.request(ask.method.clone(), ask.url.clone());
        if let Some(body) = ask.body {
            request = request.body(body.to_vec());
        }
        let answer = request.send().await.map_err(|error| unreachable(ask, error))?;
        let status = answer.status();
        if status.is_success() {
            return read(answer, ask, ask.limit).await;
        }
        let body = read(answer, ask, REFUSAL_MAX).await.unwrap_or_default();
        let problem = serde_json::from_slice(&body).ok();
        Err(ClientError::Refused { host: host(&ask.url), what: ask.what.clone(), status, problem })
    }
}

async fn read(mut answer: Response, ask: &Ask<'_>, limit: u64) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| unreachable(ask, error))? {
        bytes.extend_from_slice(&chunk);
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Err(ClientError::TooLarge { what: ask.what.clone(), limit });
        }
    }
    Ok(bytes)
}

fn unreachable(ask: &Ask<'_>, error: reqwest::Error) -> ClientError {
    ClientError::Unreachable { host: host(&ask.url), what: ask.what.clone(), source: error.without_url() }
}

fn found<T>(answer: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match answer {
        Err(error) if error.is_missing() => Ok(None),
        answer => answer.map(Some),
    }
}

fn host(url: &Url) -> String {
    let host = url.host_str().zip(url.port_or_known_default());
    host.map_or_else(|| "a bad URL".to_owned(), |(host, port)| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests;
