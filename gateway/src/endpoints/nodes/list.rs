//! `GET /v1/nodes`.

use axum::{Json, extract::State};
use piecework_api::{Node, Page};
use piecework_interface::{
    ids::{AccountNo, ClassId},
    view::NodeStatus,
};
use piecework_store::node::{NodeFilter, node_list};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::{Listed, MinHeight, Paging},
    problem::{MirrorProblems, Problem},
};

/// Which nodes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NodeListParams {
    /// Only nodes of this status: `active`, `paused` or `silent`.
    #[param(value_type = Option<String>, example = "active", pattern = "^(active|paused|silent)$")]
    status: Option<NodeStatus>,
    /// Only nodes that declare this class now.
    class: Option<u16>,
}

const SORT: &str = "nodes:account";

/// Nodes in order of their accounts' registration.
#[utoipa::path(
    get, path = "/v1/nodes", tag = "nodes",
    params(NodeListParams, Paging, MinHeight),
    responses((status = 200, description = "A page of nodes", body = Page<Node>), MirrorProblems)
)]
pub async fn nodes_list(
    State(app): State<App>,
    Listed(params, paging): Listed<NodeListParams>,
) -> Result<Json<Page<Node>>, Problem> {
    let list = paging.of(SORT, NodeFilter { status: params.status, class: params.class.map(ClassId) })?;
    let after = list.after()?.map(AccountNo);
    let mut db = app.reader.acquire().await?;
    let rows = node_list(&mut db, &list.filter, after, list.rows()).await?;
    Ok(Json(list.cut(rows, |node| node.account.0)))
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn nodes_list__should_page_and_filter(pool: PgPool) {
        // Given three active nodes of class 0
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When they are paged through and filtered
        let first = gateway.json("/v1/nodes?limit=2&class=0").await;
        let next = first["next"].as_str().unwrap();
        let second = gateway.json(&format!("/v1/nodes?limit=2&class=0&cursor={next}")).await;
        let other_class = gateway.json("/v1/nodes?class=1").await;
        let silent = gateway.json("/v1/nodes?status=silent").await;

        // Then each came once and filters leave the rest out
        let ids = |page: &serde_json::Value| -> Vec<String> {
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| node["account_id"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(ids(&first), ["node1.test.near", "node2.test.near"]);
        assert_eq!(ids(&second), ["node3.test.near"]);
        assert!(ids(&other_class).is_empty() && ids(&silent).is_empty());
    }
}
