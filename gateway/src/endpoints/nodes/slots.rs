//! `GET /v1/nodes/{account_id}/slots`.

use axum::{Json, extract::State};
use piecework_api::{Page, Slot};
use piecework_interface::ids::{BatchId, LotId};
use piecework_store::{account::account_get, slot::slot_list_by_node};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::{Listed, MinHeight, Paging, Segments},
    problem::{EntityProblems, Problem},
};

/// Which slots.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SlotListParams {
    /// Only slots the node holds now (`true`), or only past ones (`false`).
    live: Option<bool>,
}

const SORT: &str = "slots:-claimed_seq";

/// Slots of a node, newest claim first.
#[utoipa::path(
    get, path = "/v1/nodes/{account_id}/slots", tag = "nodes",
    params(("account_id" = String, Path, description = "Account id of the node"), SlotListParams, Paging, MinHeight),
    responses((status = 200, description = "A page of slots", body = Page<Slot>), EntityProblems)
)]
pub async fn nodes_slots(
    State(app): State<App>,
    Segments(account_id): Segments<String>,
    Listed(params, paging): Listed<SlotListParams>,
) -> Result<Json<Page<Slot>>, Problem> {
    let list = paging.of(SORT, (&account_id, params.live))?;
    let before = list.after()?.map(|(seq, batch, lot)| (seq, BatchId(batch), LotId(lot)));
    let mut db = app.reader.snapshot().await?;
    let account = account_get(&mut db, &account_id).await?.filter(|account| account.is_node);
    let account = account.ok_or_else(|| Problem::not_found("node", &account_id))?;
    let rows = slot_list_by_node(&mut db, account.account, params.live, before, list.rows()).await?;
    Ok(Json(list.cut(rows, |slot| (slot.claimed_seq, slot.batch.0, slot.lot.0))))
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn nodes_slots__should_page_newest_first(pool: PgPool) {
        // Given a node with two past slots and one with a live slot
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When their slots are asked for
        let first = gateway.json("/v1/nodes/node1.test.near/slots?limit=1&live=false").await;
        let next = first["next"].as_str().unwrap();
        let second = gateway.json(&format!("/v1/nodes/node1.test.near/slots?limit=1&live=false&cursor={next}")).await;
        let live = gateway.json("/v1/nodes/node3.test.near/slots?live=true").await;
        let none = gateway.json("/v1/nodes/node1.test.near/slots?live=true").await;

        // Then they come newest first and by liveness
        assert_eq!((first["items"][0]["lot"].as_u64(), second["items"][0]["lot"].as_u64()), (Some(1), Some(0)));
        assert!(second.get("next").is_none());
        assert_eq!(live["items"][0]["lot"], 2);
        assert_eq!(none["items"].as_array().unwrap().len(), 0);
        assert_eq!(gateway.problem("/v1/nodes/requester.test.near/slots").await, (404, "not-found".to_owned()));
    }
}
