//! `GET /v1/stream`.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt as _;
use piecework_store::read::{account::account_get, batch::batch_get};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::Params,
    indexed::{nothing_indexed, stamp},
    problem::{Code, EntityProblems, Problem},
    stream::{Client, EventBody, Filter},
};

/// Where to begin, and what to leave out.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamParams {
    /// Number of the first line; default: the next line that is written. `Last-Event-ID` wins over it.
    since_seq: Option<u64>,
    /// Only lines that name this batch.
    batch: Option<u32>,
    /// Only lines that name this account.
    node: Option<String>,
}

/// The journal as it grows, as server-sent events: `id` is the line's number, `data` the line as `/v1/events` answers
/// it. After a break a client sends the last `id` it got as `Last-Event-ID` (browsers do so themselves) and misses
/// and repeats nothing. Comments are heartbeats. `event: lagged` and `event: unavailable` end the stream; they carry
/// no `id` and name `resume_seq`.
#[utoipa::path(
    get, path = "/v1/stream", tag = "journal",
    params(StreamParams, ("Last-Event-ID" = Option<u64>, Header, description = "Number of the last line received")),
    responses((status = 200, description = "The stream", body = EventBody, content_type = "text/event-stream"), EntityProblems)
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
        batch_get(&mut db, id).await?.ok_or_else(|| Problem::not_found("batch", batch))?;
    }
    if let Some(account_id) = &params.node {
        let account = account_get(&mut db, account_id).await?;
        let account = account.ok_or_else(|| Problem::not_found("registered account", account_id))?;
        filter.account = Some(account.account.0);
    }
    Ok(filter)
}
