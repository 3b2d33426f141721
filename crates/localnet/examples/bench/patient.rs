//! A client of a public RPC: it waits as long as it is asked to, connects again, and asks again what is not known yet.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::http::{Connection, request};

/// How long one question may take with all that comes between.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the slowest endpoint may take to learn of something: many times what it lags.
const UNKNOWN: Duration = Duration::from_secs(20);
/// Pause before a question that found nothing, or a broken connection.
const PAUSE: Duration = Duration::from_millis(200);

/// What clients met.
#[derive(Debug, Default)]
pub struct Met {
    /// Refusals of the rate limit.
    pub limited: AtomicU64,
    /// Answers that a wait was too long.
    pub timeouts: AtomicU64,
    /// Questions asked again because an endpoint did not know yet.
    pub unknown: AtomicU64,
    /// Broken connections and internal errors.
    pub broken: AtomicU64,
}

/// One client.
pub struct Patient<'a> {
    addr: &'a str,
    connection: Option<Connection>,
    met: &'a Met,
}

/// An answer that settles a question.
enum Reply {
    Result(Value),
    /// An error whose name begins with `UNKNOWN_`.
    Unknown(Value),
}

impl<'a> Patient<'a> {
    /// A client that connects when it first asks.
    pub fn new(addr: &'a str, met: &'a Met) -> Self {
        Self { addr, connection: None, met }
    }

    /// The result of a method, for what every endpoint knows or soon will.
    pub async fn find(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        let end = Instant::now() + UNKNOWN;
        loop {
            match self.reply(method, params).await? {
                Reply::Result(result) => return Ok(result),
                Reply::Unknown(error) => ensure!(Instant::now() < end, "{method} {params}: {error}"),
            }
            self.met.unknown.fetch_add(1, Ordering::Relaxed);
            sleep(PAUSE).await;
        }
    }

    /// The same for what may not be there.
    pub async fn look(&mut self, method: &str, params: &Value) -> anyhow::Result<Option<Value>> {
        Ok(match self.reply(method, params).await? {
            Reply::Result(result) => Some(result),
            Reply::Unknown(_) => None,
        })
    }

    async fn reply(&mut self, method: &str, params: &Value) -> anyhow::Result<Reply> {
        let request = request(method, params);
        let end = Instant::now() + PATIENCE;
        loop {
            ensure!(Instant::now() < end, "{method} {params}: no answer in {PATIENCE:?}; met {:?}", self.met);
            let (count, pause) = match self.once(&request).await {
                Ok((429, retry_after, _)) => (&self.met.limited, Duration::from_secs(retry_after.unwrap_or(1))),
                // It may have been carried out all the same, so the same question tells.
                Ok((408, ..)) => (&self.met.timeouts, Duration::ZERO),
                Ok((500.., ..)) => (&self.met.broken, PAUSE),
                Ok((_, _, answer)) => return judge(method, params, answer),
                Err(_) => {
                    self.connection = None;
                    (&self.met.broken, PAUSE)
                }
            };
            count.fetch_add(1, Ordering::Relaxed);
            sleep(pause).await;
        }
    }

    /// One exchange: status, Retry-After and body.
    async fn once(&mut self, request: &[u8]) -> anyhow::Result<(u16, Option<u64>, Value)> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(self.addr).await?),
        };
        let answer = connection.exchange_whole(request).await?;
        Ok((answer.status, answer.retry_after, serde_json::from_slice(answer.body).unwrap_or(Value::Null)))
    }
}

fn judge(method: &str, params: &Value, mut answer: Value) -> anyhow::Result<Reply> {
    if let Some(result) = answer.get_mut("result") {
        return Ok(Reply::Result(result.take()));
    }
    let name = answer["error"]["cause"]["name"].as_str().unwrap_or_default();
    if name.starts_with("UNKNOWN_") {
        return Ok(Reply::Unknown(json!(name)));
    }
    bail!("{method} {params}: {answer}")
}
