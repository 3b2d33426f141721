//! `GET /v1/stream`.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt as _;
use piecework_api::Event;
use piecework_store::{account::account_get, batch::batch_shape_get};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::Params,
    indexed::{nothing_indexed, stamp},
    problem::{Code, EntityProblems, Problem},
    stream::{Client, Filter},
};

/// Where to begin, and what to leave out.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamParams {
    /// Number of the first line; default: the next line that is written. `Last-Event-ID` wins over it.
    since_seq: Option<u64>,
    /// Only lines that change this batch or one of its lots.
    batch: Option<u32>,
    /// Only lines that change this account, its balances or its node.
    node: Option<String>,
}

/// The journal as it grows, as server-sent events: `id` is the line's number, `data` the line as `/v1/events` answers
/// it. After a break a client sends the last `id` it got as `Last-Event-ID` (browsers do so themselves) and misses
/// and repeats nothing. Comments are heartbeats. `event: lagged` and `event: unavailable` end the stream; they carry
/// no `id` and name `resume_seq`.
#[utoipa::path(
    get, path = "/v1/stream", tag = "journal",
    params(StreamParams, ("Last-Event-ID" = Option<u64>, Header, description = "Number of the last line received")),
    responses((status = 200, description = "The stream", body = Event, content_type = "text/event-stream"), EntityProblems)
)]
pub async fn stream(
    State(app): State<App>,
    Params(params): Params<StreamParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let head = app.feed.head().ok_or_else(nothing_indexed)?;
    let position = match last_event_id(&headers)? {
        Some(last) => last.saturating_add(1),
        None => params.since_seq.unwrap_or(head.root.seq),
    };
    let filter = filter(&app, &params).await?;
    let heartbeat = Duration::from_secs(app.config.stream_heartbeat_s);
    let client = Client::new(&app.feed, app.reader.clone(), position, filter, heartbeat, app.stopping.clone())
        .map_err(|full| Problem::new(Code::Overloaded, full.to_string()))?;
    let mut response = Body::from_stream(client.into_stream().map(Ok::<_, Infallible>)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Tells nginx and its kin not to hold lines back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    stamp(headers, &head);
    Ok(response)
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    match value.to_str().ok().map(str::trim) {
        // A browser that never got an id sends none or an empty one.
        Some("") => Ok(None),
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().map(Some).map_err(|_| Problem::bad_request("Last-Event-ID is beyond any line"))
        }
        _ => Err(Problem::bad_request("Last-Event-ID must be the number of a line")),
    }
}

async fn filter(app: &App, params: &StreamParams) -> Result<Filter, Problem> {
    let mut filter = Filter { batch: params.batch, account: None };
    if params.batch.is_none() && params.node.is_none() {
        return Ok(filter);
    }
    let mut db = app.reader.acquire().await?;
    if let Some(batch) = params.batch {
        let id = piecework_interface::ids::BatchId(batch);
        batch_shape_get(&mut db, id).await?.ok_or_else(|| Problem::not_found("batch", batch))?;
    }
    if let Some(account_id) = &params.node {
        let account = account_get(&mut db, account_id).await?;
        let account = account.ok_or_else(|| Problem::not_found("registered account", account_id))?;
        filter.account = Some(account.account.0);
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::StreamExt as _;
    use piecework_interface::ids::{AccountNo, BatchId, LotId};
    use piecework_store::PgPool;
    use tokio::time::timeout;

    use crate::testing::{Gateway, Market, problem};

    /// Reads a stream until it has given `count` ids.
    async fn ids(response: reqwest::Response, count: usize) -> Vec<u64> {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (mut bytes, mut text) = (response.bytes_stream(), String::new());
        let read = async {
            loop {
                // Only whole events count.
                let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
                let ids: Vec<u64> =
                    whole.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap()).collect();
                if ids.len() >= count {
                    return ids;
                }
                text.push_str(core::str::from_utf8(&bytes.next().await.unwrap().unwrap()).unwrap());
            }
        };
        timeout(Duration::from_secs(10), read).await.expect("the lines come in time")
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn stream__should_lose_and_repeat_nothing_over_breaks(pool: PgPool) {
        // Given a journal and a client that reads some of it
        let mut market = Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;
        let mut seen = ids(gateway.get("/v1/stream?since_seq=0").await, 5).await;

        // When it breaks off twice, resumes by its last id, and lines come meanwhile and live
        for lot in [3, 4] {
            market.claim(BatchId(0), LotId(lot), AccountNo(1));
            market.commit().await;
            let last = seen.last().unwrap().to_string();
            let request =
                gateway.http.get(format!("{}/v1/stream?since_seq=0", gateway.url)).header("last-event-id", last);
            let response = request.send().await.unwrap();
            market.claim(BatchId(0), LotId(lot), AccountNo(2));
            market.commit().await;
            let missing = usize::try_from(market.seq()).unwrap() - seen.len();
            seen.extend(ids(response, missing).await);
        }

        // Then every line came once, in order
        assert_eq!(seen, (0..market.seq()).collect::<Vec<_>>());
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn stream__should_filter_by_batch_and_by_node(pool: PgPool) {
        // Given two batches, of which node 3 works on the second
        let mut market = Market::with_work(&pool).await;
        let second = market.post(4);
        market.claim(second, LotId(0), AccountNo(3));
        market.claim(BatchId(0), LotId(3), AccountNo(1));
        market.commit().await;
        let gateway = Gateway::start(&pool).await;
        let end = market.seq();

        // When streams are filtered
        let by_batch = ids(gateway.get("/v1/stream?since_seq=0&batch=1").await, 2).await;
        let by_node = ids(gateway.get("/v1/stream?since_seq=11&node=node3.test.near").await, 2).await;

        // Then only lines that change it come: the batch, its draw and its claim; the node's claims and its draw
        assert_eq!(by_batch, [end - 4, end - 3, end - 2]);
        assert_eq!(by_node, [end - 5, end - 3, end - 2]);
        assert_eq!(gateway.problem("/v1/stream?batch=9").await, (404, "not-found".to_owned()));
        assert_eq!(gateway.problem("/v1/stream?node=nobody.test.near").await, (404, "not-found".to_owned()));
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn stream__should_catch_up_from_the_database_behind_its_buffer(pool: PgPool) {
        // Given a gateway that holds two lines in memory
        let market = Market::with_work(&pool).await;
        let gateway = Gateway::start_with(&pool, &["--stream-buffer-lines", "2"]).await;

        // When a client wants all of them
        let count = usize::try_from(market.seq()).unwrap();
        let seen = ids(gateway.get("/v1/stream?since_seq=0").await, count).await;

        // Then it gets them
        assert_eq!(seen, (0..market.seq()).collect::<Vec<_>>());
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn stream__should_refuse_bad_ids_and_more_clients_than_places(pool: PgPool) {
        // Given a gateway with one place, taken
        Market::with_work(&pool).await;
        let gateway = Gateway::start_with(&pool, &["--stream-clients-max", "1"]).await;
        let first = gateway.get("/v1/stream").await;

        // When another client comes, and one with nonsense
        let full = gateway.get("/v1/stream").await;
        let retry = full.headers()["retry-after"].clone();
        let request = gateway.http.get(format!("{}/v1/stream", gateway.url)).header("last-event-id", "x");
        let nonsense = problem(request.send().await.unwrap()).await;

        // Then they are told so
        assert_eq!((problem(full).await, retry.to_str().unwrap()), ((503, "overloaded".to_owned()), "1"));
        assert_eq!(nonsense, (400, "bad-request".to_owned()));
        assert_eq!(first.status(), 200);
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn stream__should_end_when_the_gateway_stops(pool: PgPool) {
        // Given an open stream
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;
        let response = gateway.get("/v1/stream").await;

        // When the gateway stops
        let stopped = gateway.stop().await;

        // Then it stops without waiting for the client, whose stream ends
        assert!(stopped.is_ok());
        let rest = timeout(Duration::from_secs(10), response.text()).await.expect("the stream ends").unwrap();
        assert!(rest.starts_with("retry:"), "{rest}");
    }
}
