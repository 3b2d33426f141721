//! A client of the gateway: blobs and what the mirror knows.

use std::time::Duration;

use anyhow::Context;
use piecework_console::Problem;
use reqwest::{Response, StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};

/// Tries of a request whose connection fails.
const TRIES: u32 = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    url: Url,
    http: reqwest::Client,
}

/// RFC 9457 problem details, as far as a person reads them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ProblemDetails {
    title: String,
    detail: String,
    fix: String,
}

impl Gateway {
    /// A client of the gateway at `url`.
    ///
    /// # Errors
    /// If the URL is malformed.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let malformed = || Problem::new(format!("{url:?} is not a gateway URL"), "write it as http://HOST:PORT");
        let url = Url::parse(url).ok().filter(|url| !url.cannot_be_a_base()).ok_or_else(malformed)?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .build()
            .context("no HTTP client")?;
        Ok(Self { url, http })
    }

    /// Where it is.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// A resource as JSON; `None` if there is none.
    ///
    /// # Errors
    /// If the gateway cannot be reached or answers with a problem.
    pub async fn get<R: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Option<R>> {
        let response = self.send(|| self.http.get(self.at(path))).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let response = self.checked(response).await?;
        let what = || {
            format!("{}{path} answers in an unexpected form; it and this program are of different versions", self.url)
        };
        Ok(Some(response.json().await.with_context(what)?))
    }

    /// A blob; `None` if the gateway does not have it.
    ///
    /// # Errors
    /// As [`Gateway::get`].
    pub async fn blob(&self, digest: &[u8; 32]) -> anyhow::Result<Option<Vec<u8>>> {
        let response = self.send(|| self.http.get(self.blob_url(digest))).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(self.checked(response).await?.bytes().await.context("the gateway broke off")?.to_vec()))
    }

    /// Whether the gateway has a blob.
    ///
    /// # Errors
    /// As [`Gateway::get`].
    pub async fn has_blob(&self, digest: &[u8; 32]) -> anyhow::Result<bool> {
        let response = self.send(|| self.http.head(self.blob_url(digest))).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            _ => self.checked(response).await.map(|_| true),
        }
    }

    /// Stores a blob under its digest. Storing it again changes nothing.
    ///
    /// # Errors
    /// As [`Gateway::get`].
    pub async fn put_blob(&self, digest: &[u8; 32], bytes: &[u8]) -> anyhow::Result<()> {
        let response = self.send(|| self.http.put(self.blob_url(digest)).body(bytes.to_vec())).await?;
        if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let size = bytes.len();
            return Err(Problem::new(
                format!("the gateway does not take a blob of {size} bytes"),
                "use smaller payloads or fewer items a batch, or a gateway with a higher limit",
            )
            .into());
        }
        self.checked(response).await.map(drop)
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url.as_str().trim_end_matches('/'))
    }

    fn blob_url(&self, digest: &[u8; 32]) -> String {
        self.at(&format!("/v1/blobs/{}", hex::encode(digest)))
    }

    /// Sends, and again when the connection fails: every request here may be repeated.
    async fn send(&self, request: impl Fn() -> reqwest::RequestBuilder) -> anyhow::Result<Response> {
        let mut wait = Duration::from_millis(200);
        for left in (0..TRIES).rev() {
            match request().send().await {
                Ok(response) if left > 0 && response.status() == StatusCode::SERVICE_UNAVAILABLE => {}
                Ok(response) => return Ok(response),
                Err(error) if left == 0 => {
                    let down = Problem::new(
                        format!("the gateway at {} does not answer", self.url),
                        "start it, or pass --gateway-url; then run the same command again",
                    );
                    return Err(anyhow::Error::new(error.without_url()).context(down));
                }
                Err(_) => {}
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        unreachable!("the last try returns")
    }

    async fn checked(&self, response: Response) -> anyhow::Result<Response> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let details: ProblemDetails = response.json().await.unwrap_or_default();
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        let title = or(details.title, status.as_str());
        let detail = or(details.detail, "it gives no reason");
        let fix = or(details.fix, "see its /status page and its log");
        Err(Problem::new(format!("the gateway at {} refuses: {title}: {detail}", self.url), fix).into())
    }
}
