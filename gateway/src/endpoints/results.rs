//! `GET /v1/batches/{batch}/results`.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use piecework_api::{LotResult, Page};
use piecework_interface::ids::BatchId;
use piecework_store::{
    Reader, StoreError,
    batch::{BatchShape, batch_shape_get},
    result::result_list,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::{Listed, MinHeight, Paging, Segments},
    problem::{EntityProblems, Problem},
};

/// Which results.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ResultListParams {
    /// First settlement number; default 0. With it a batch is followed while it is worked on.
    from_n: Option<u32>,
}

const SORT: &str = "results:n";
/// Media type of a stream of JSON objects, one per line.
pub const NDJSON: &str = "application/x-ndjson";
/// Rows that the export reads at once.
const EXPORT_PAGE: u32 = 500;

/// Results of settled lots in the order in which they settled, so that a page never changes. With
/// `Accept: application/x-ndjson` all of them as a stream, one JSON object per line, without pages, ended early by an error only by
/// closing the connection.
#[utoipa::path(
    get, path = "/v1/batches/{batch}/results", tag = "batches",
    params(("batch" = u32, Path, description = "Number of the batch"), ResultListParams, Paging, MinHeight),
    responses(
        (status = 200, description = "A page, or all", content(
            (Page<LotResult> = "application/json"),
            (LotResult = "application/x-ndjson")
        )),
        EntityProblems
    )
)]
pub async fn results_list(
    State(app): State<App>,
    Segments(batch): Segments<u32>,
    Listed(params, paging): Listed<ResultListParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let first = params.from_n.unwrap_or_default();
    let list = paging.of(SORT, (batch, first))?;
    let from = list.after()?.unwrap_or(first);
    let mut db = app.reader.snapshot().await?;
    let found = batch_shape_get(&mut db, BatchId(batch)).await?.ok_or_else(|| Problem::not_found("batch", batch))?;
    if wants_ndjson(&headers) {
        drop(db);
        let body = Body::from_stream(export(app.reader, found, from));
        return Ok(([(header::CONTENT_TYPE, NDJSON), (header::CACHE_CONTROL, "no-store")], body).into_response());
    }
    let rows = result_list(&mut db, &found, from, list.rows()).await?;
    let page = list.cut(rows, |last| last.n + 1);
    let mut response = Json(page).into_response();
    // Both forms live under one URL, so a cache must tell them apart.
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static("accept"));
    Ok(response)
}

fn wants_ndjson(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|media| media.split(';').next().is_some_and(|media| media.trim() == NDJSON))
}

/// All results from settlement number `from` on, a page of lines at a time, as fast as the client takes them.
fn export(reader: Reader, batch: BatchShape, from: u32) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
    stream::try_unfold((reader, batch, from), |(reader, batch, from)| async move {
        // No connection is held while the client is slow.
        let mut db = reader.acquire().await?;
        let rows = result_list(&mut db, &batch, from, EXPORT_PAGE).await?;
        drop(db);
        let Some(last) = rows.last() else { return Ok(None) };
        let next = last.n + 1;
        let mut lines = Vec::new();
        for row in rows {
            // A struct of numbers and strings always has a JSON form.
            lines.extend(serde_json::to_vec(&row).unwrap_or_default());
            lines.push(b'\n');
        }
        Ok(Some((Bytes::from(lines), (reader, batch, next))))
    })
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;
    use serde_json::{Value, json};

    use super::NDJSON;
    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn results_list__should_answer_null_where_nothing_is_accepted(pool: PgPool) {
        // Given two settled lots, the second without its last item
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When they are paged through
        let first = gateway.json("/v1/batches/0/results?limit=1").await;
        let next = first["next"].as_str().unwrap();
        let second = gateway.json(&format!("/v1/batches/0/results?limit=1&cursor={next}")).await;

        // Then they come by settlement number, and the page ends
        assert_eq!(first["items"][0]["answers"], json!(["03", "03", "03", "03"]));
        assert_eq!(second["items"][0]["answers"], json!(["03", "03", "03", null]));
        assert_eq!((second["items"][0]["n"].as_u64(), second["items"][0]["first_item"].as_u64()), (Some(1), Some(4)));
        assert!(second.get("next").is_none());
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn results_list__should_stream_every_result_as_ndjson(pool: PgPool) {
        // Given the same lots
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When they are exported, all and from the second on
        let export = |path: &str| {
            let request = gateway.http.get(format!("{}{path}", gateway.url)).header("accept", NDJSON);
            async { request.send().await.unwrap() }
        };
        let all = export("/v1/batches/0/results").await;
        assert_eq!(all.headers()["content-type"], NDJSON);
        let all = all.text().await.unwrap();
        let rest = export("/v1/batches/0/results?from_n=1").await.text().await.unwrap();

        // Then there is one object per line
        let lots = |text: &str| -> Vec<u64> {
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["lot"].as_u64().unwrap()).collect()
        };
        assert_eq!((lots(&all), lots(&rest)), (vec![0, 1], vec![1]));
    }
}
