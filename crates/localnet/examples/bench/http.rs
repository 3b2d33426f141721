//! The smallest HTTP client that does: one request after the other on one connection.

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A connection that is kept open.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back.
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// Seconds after which to ask again.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects.
    pub async fn open(addr: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request made by [`request`] and returns the answer's body.
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        Ok(self.exchange_whole(request).await?.body)
    }

    /// The same with the answer's status.
    pub async fn exchange_whole(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection was closed");
            }
            let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(&self.buffer[..end])?;
            let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
            let length: usize = field("content-length: ").context("no content-length")?.parse()?;
            if self.buffer.len() >= end + 4 + length {
                let status = field("HTTP/1.1 ").and_then(|rest| rest.get(..3)).context("no status")?.parse()?;
                let retry_after = field("retry-after: ").map(str::parse).transpose()?;
                return Ok(Answer { status, retry_after, body: &self.buffer[end + 4..] });
            }
        }
    }

    /// A JSON-RPC call.
    pub async fn call(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        let answer: Value = serde_json::from_slice(self.exchange(&request(method, params)).await?)?;
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => bail!("{method}: {answer}"),
        }
    }
}

/// A whole HTTP request.
pub fn request(method: &str, params: &Value) -> Vec<u8> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nhost: localnet\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
