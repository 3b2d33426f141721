//! `GET /v1/batches`.

use axum::{Json, extract::State};
use piecework_interface::ids::{BatchId, ClassId};
use piecework_store::read::{
    account::account_get,
    batch::{BatchFilter, BatchState, batch_list},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    cursor,
    extract::{LIMIT_MAX, MinHeight, Page, Params, page_limit},
    model::Batch,
    problem::{MirrorProblems, Problem},
};

/// Which batches.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BatchListParams {
    /// Only batches in this state: `open`, `cancelled`, `closed` or `forgotten`.
    #[param(value_type = Option<String>, example = "open")]
    status: Option<BatchState>,
    /// Only batches of this account.
    requester_id: Option<String>,
    /// Only batches of this class.
    class: Option<u16>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1..=200; default 50.
    limit: Option<u32>,
}

const SORT: &str = "batches:-batch";

/// Batches, newest first.
#[utoipa::path(
    get, path = "/v1/batches", tag = "batches",
    params(BatchListParams, MinHeight),
    responses((status = 200, description = "A page of batches", body = Page<Batch>), MirrorProblems)
)]
pub async fn batches_list(
    State(app): State<App>,
    Params(params): Params<BatchListParams>,
) -> Result<Json<Page<Batch>>, Problem> {
    let limit = page_limit(params.limit, LIMIT_MAX)?;
    let mut db = app.reader.snapshot().await?;
    let requester = match &params.requester_id {
        None => None,
        Some(account_id) => match account_get(&mut db, account_id).await? {
            Some(account) => Some(account.account),
            // Nobody unknown has batches.
            None => return Ok(Json(Page { items: Vec::new(), next: None })),
        },
    };
    let filter = BatchFilter { state: params.status, requester, class: params.class.map(ClassId) };
    let before = params.cursor.map(|text| cursor::decode(&text, SORT, &filter)).transpose()?.map(BatchId);
    let rows = batch_list(&mut db, &filter, before, limit + 1).await?;
    let page = Page::cut(rows, limit, |batch| cursor::encode(SORT, &batch.batch.0, &filter));
    Ok(Json(page.map(Batch::from)))
}
