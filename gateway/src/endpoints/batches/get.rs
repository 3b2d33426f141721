//! `GET /v1/batches/{batch}`.

use axum::extract::State;
use piecework_interface::ids::BatchId;
use piecework_store::read::batch::batch_get;

use crate::{
    app::App,
    endpoints::Versioned,
    extract::{MinHeight, Segments},
    model::Batch,
    problem::{EntityProblems, Problem},
};

/// One batch, also after it closed.
#[utoipa::path(
    get, path = "/v1/batches/{batch}", tag = "batches",
    params(("batch" = u32, Path, description = "Number of the batch"), MinHeight),
    responses((status = 200, description = "The batch", body = Batch), EntityProblems)
)]
pub async fn batches_get(
    State(app): State<App>,
    Segments(batch): Segments<u32>,
) -> Result<Versioned<Batch>, Problem> {
    let mut db = app.reader.acquire().await?;
    let found = batch_get(&mut db, BatchId(batch)).await?.ok_or_else(|| Problem::not_found("batch", batch))?;
    Ok(Versioned { updated_seq: found.updated_seq, body: found.into() })
}
