//! `GET /v1/events`.

use axum::{Json, extract::State};
use piecework_store::read::event::event_list;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    extract::{MinHeight, Params, page_limit},
    problem::{MirrorProblems, Problem},
    stream::EventBody,
};

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventListParams {
    /// Number of the first line; default 0, the journal's beginning.
    since_seq: Option<u64>,
    /// Lines, 1..=1000; default 50.
    limit: Option<u32>,
    /// Whether each line comes as logged too, to compute the journal's head from.
    lines: Option<bool>,
}

const LIMIT_MAX: u32 = 1_000;

/// A page of the journal.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventPage {
    /// The lines, in order, without gaps.
    pub items: Vec<EventBody>,
    /// `since_seq` of the next page, which may not be written yet.
    pub next_seq: u64,
}

/// The journal from line `since_seq` on. Poll with `next_seq`, or follow `/v1/stream` from there.
#[utoipa::path(
    get, path = "/v1/events", tag = "journal",
    params(EventListParams, MinHeight),
    responses((status = 200, description = "A page of the journal", body = EventPage), MirrorProblems)
)]
pub async fn events_list(
    State(app): State<App>,
    Params(params): Params<EventListParams>,
) -> Result<Json<EventPage>, Problem> {
    let limit = page_limit(params.limit, LIMIT_MAX)?;
    let since_seq = params.since_seq.unwrap_or_default();
    let mut db = app.reader.acquire().await?;
    let rows = event_list(&mut db, since_seq, limit).await?;
    let next_seq = rows.last().map_or(since_seq, |last| last.seq + 1);
    let lines = params.lines.unwrap_or_default();
    let items = rows.into_iter().map(|event| {
        let body = EventBody::from(event);
        if lines { body } else { EventBody { line: None, ..body } }
    });
    Ok(Json(EventPage { items: items.collect(), next_seq }))
}
