//! `GET /v1/batches/{batch}/segments`.

use axum::{Json, extract::State};
use piecework_api::{BatchSegment, Page};
use piecework_interface::ids::BatchId;
use piecework_store::{batch::batch_shape_get, segment::segment_list};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::{Listed, MinHeight, Paging, Segments},
    problem::{EntityProblems, Problem},
};

/// Which segments.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SegmentListParams {
    /// First item of the first segment; default 0.
    from_item: Option<u32>,
}

const SORT: &str = "segments:first_item";

/// What a batch was created with and what was appended to it, in order: each has a manifest of its own. The batch's `appended` is
/// the digest of all but the first: `sha256(before ‖ first_item ‖ items ‖ manifest)` from zeros on, numbers little-endian in four
/// bytes.
#[utoipa::path(
    get, path = "/v1/batches/{batch}/segments", tag = "batches",
    params(("batch" = u32, Path, description = "Number of the batch"), SegmentListParams, Paging, MinHeight),
    responses((status = 200, description = "A page", body = Page<BatchSegment>), EntityProblems)
)]
pub async fn batches_segments(
    State(app): State<App>,
    Segments(batch): Segments<u32>,
    Listed(params, paging): Listed<SegmentListParams>,
) -> Result<Json<Page<BatchSegment>>, Problem> {
    let first = params.from_item.unwrap_or_default();
    let list = paging.of(SORT, (batch, first))?;
    let from = list.after()?.unwrap_or(first);
    let mut db = app.reader.snapshot().await?;
    let batch = batch_shape_get(&mut db, BatchId(batch)).await?.ok_or_else(|| Problem::not_found("batch", batch))?;
    let rows = segment_list(&mut db, batch.batch, from, list.rows()).await?;
    Ok(Json(list.cut(rows, |last| last.first_item + 1)))
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn batches_segments__should_be_the_first_alone_without_appends(pool: PgPool) {
        // Given a batch of twenty items that was never appended to
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When its segments are asked for, then there is the one that it was created with
        let batch = gateway.json("/v1/batches/0").await;
        let page = gateway.json("/v1/batches/0/segments").await;
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        let first = &page["items"][0];
        assert_eq!((&first["items"], &first["manifest"]), (&batch["items"], &batch["manifest"]));
        assert_eq!((first["first_item"].as_u64(), &first["uri"]), (Some(0), &batch["uri"]));
        assert_eq!(gateway.json("/v1/batches/0/segments?from_item=1").await["items"].as_array().unwrap().len(), 0);
        assert_eq!(gateway.problem("/v1/batches/9/segments").await.0, 404);
    }
}
