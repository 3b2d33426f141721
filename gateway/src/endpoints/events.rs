//! `GET /v1/events`.

use axum::{Json, extract::State};
use piecework_api::EventPage;
use piecework_store::journal::event_list;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::{MinHeight, Params, page_limit},
    problem::{MirrorProblems, Problem},
};

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventListParams {
    /// Number of the first line; default 0, the journal's beginning.
    since_seq: Option<u64>,
    /// Lines, 1..=1000; default 50.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Whether each line comes as logged too, to compute the journal's head from.
    lines: Option<bool>,
}

const LIMIT_MAX: u32 = 1_000;

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
    let lines = event_list(&mut db, since_seq, limit).await?;
    let mut items: Vec<_> = lines.into_iter().map(|line| line.event).collect();
    let next_seq = items.last().map_or(since_seq, |last| last.seq + 1);
    if !params.lines.unwrap_or_default() {
        items.iter_mut().for_each(|event| event.line = None);
    }
    Ok(Json(EventPage { items, next_seq }))
}

#[cfg(test)]
mod tests {
    use piecework_interface::{host::sha256, journal::next_head};
    use piecework_store::PgPool;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn events_list__should_give_the_journal_whose_lines_hash_to_its_head(pool: PgPool) {
        // Given a journal
        let market = Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When it is paged through with its lines
        let (mut since, mut head, mut seqs) = (0, [0; 32], Vec::new());
        loop {
            let page = gateway.json(&format!("/v1/events?since_seq={since}&limit=4&lines=true")).await;
            for event in page["items"].as_array().unwrap() {
                head = next_head(sha256, &head, event["line"].as_str().unwrap());
                seqs.push(event["seq"].as_u64().unwrap());
            }
            since = page["next_seq"].as_u64().unwrap();
            if since == market.seq() {
                break;
            }
        }

        // Then no number is missing and the hash chain ends in the head
        assert_eq!(seqs, (0..market.seq()).collect::<Vec<_>>());
        assert_eq!(gateway.json("/v1/network").await["journal_head"], hex::encode(head));
        let beyond = gateway.json(&format!("/v1/events?since_seq={since}")).await;
        assert_eq!((beyond["items"].as_array().unwrap().len(), beyond["next_seq"].as_u64()), (0, Some(since)));
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn events_list__should_leave_the_line_out_unless_asked(pool: PgPool) {
        // Given a journal
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When it is read without lines
        let page = gateway.json("/v1/events?since_seq=10&limit=1").await;

        // Then entries are there as logged, and the line is not
        let event = &page["items"][0];
        assert_eq!(event["log"][1][0], "batch");
        assert!(event.get("line").is_none());
        assert_eq!(gateway.problem("/v1/events?limit=1001").await, (400, "bad-request".to_owned()));
        assert_eq!(gateway.problem("/v1/events?since_seq=-1").await, (400, "bad-request".to_owned()));
    }
}
