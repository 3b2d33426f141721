//! `GET /v1/nodes/{account_id}/slots`.

use axum::{Json, extract::State};
use piecework_interface::ids::{BatchId, LotId};
use piecework_store::read::{account::account_get, slot::slot_list_by_node};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    cursor,
    extract::{LIMIT_MAX, MinHeight, Page, Params, Segments, page_limit},
    model::Slot,
    problem::{EntityProblems, Problem},
};

/// Which slots.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SlotListParams {
    /// Only slots the node holds now (`true`), or only past ones (`false`).
    live: Option<bool>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1..=200; default 50.
    limit: Option<u32>,
}

const SORT: &str = "slots:-claimed_seq";

/// Slots of a node, newest claim first.
#[utoipa::path(
    get, path = "/v1/nodes/{account_id}/slots", tag = "nodes",
    params(("account_id" = String, Path, description = "Account id of the node"), SlotListParams, MinHeight),
    responses((status = 200, description = "A page of slots", body = Page<Slot>), EntityProblems)
)]
pub async fn nodes_slots(
    State(app): State<App>,
    Segments(account_id): Segments<String>,
    Params(params): Params<SlotListParams>,
) -> Result<Json<Page<Slot>>, Problem> {
    let limit = page_limit(params.limit, LIMIT_MAX)?;
    let filter = (&account_id, params.live);
    let before: Option<(u64, u32, u32)> =
        params.cursor.map(|text| cursor::decode(&text, SORT, &filter)).transpose()?;
    let before = before.map(|(seq, batch, lot)| (seq, BatchId(batch), LotId(lot)));
    let mut db = app.reader.snapshot().await?;
    let account = account_get(&mut db, &account_id).await?.filter(|account| account.is_node);
    let account = account.ok_or_else(|| Problem::not_found("node", &account_id))?;
    let rows = slot_list_by_node(&mut db, account.account, params.live, before, limit + 1).await?;
    let key = |slot: &piecework_store::read::slot::Slot| {
        cursor::encode(SORT, &(slot.claimed_seq, slot.batch.0, slot.lot.0), &filter)
    };
    Ok(Json(Page::cut(rows, limit, key).map(Slot::from)))
}
