//! `GET /v1/nodes`.

use axum::{Json, extract::State};
use piecework_interface::{
    ids::{AccountNo, ClassId},
    view::NodeStatus,
};
use piecework_store::read::node::{NodeFilter, node_list};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    cursor,
    extract::{LIMIT_MAX, MinHeight, Page, Params, page_limit},
    model::Node,
    problem::{MirrorProblems, Problem},
};

/// Which nodes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NodeListParams {
    /// Only nodes of this status: `active`, `paused` or `silent`.
    #[param(value_type = Option<String>, example = "active")]
    status: Option<NodeStatus>,
    /// Only nodes that declare this class now.
    class: Option<u16>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1..=200; default 50.
    limit: Option<u32>,
}

const SORT: &str = "nodes:account";

/// Nodes in order of their accounts' registration.
#[utoipa::path(
    get, path = "/v1/nodes", tag = "nodes",
    params(NodeListParams, MinHeight),
    responses((status = 200, description = "A page of nodes", body = Page<Node>), MirrorProblems)
)]
pub async fn nodes_list(
    State(app): State<App>,
    Params(params): Params<NodeListParams>,
) -> Result<Json<Page<Node>>, Problem> {
    let limit = page_limit(params.limit, LIMIT_MAX)?;
    let filter = NodeFilter { status: params.status, class: params.class.map(ClassId) };
    let after = params.cursor.map(|text| cursor::decode(&text, SORT, &filter)).transpose()?.map(AccountNo);
    let mut db = app.reader.acquire().await?;
    let rows = node_list(&mut db, &filter, after, limit + 1).await?;
    let page = Page::cut(rows, limit, |node| cursor::encode(SORT, &node.account.0, &filter));
    Ok(Json(page.map(Node::from)))
}
