//! `GET /v1/nodes/{account_id}`.

use axum::extract::State;
use piecework_store::read::node::node_get;

use crate::{
    app::App,
    endpoints::Versioned,
    extract::{MinHeight, Segments},
    model::Node,
    problem::{EntityProblems, Problem},
};

/// One node: stake, tickets, reputation per class, what it earned and lost.
#[utoipa::path(
    get, path = "/v1/nodes/{account_id}", tag = "nodes",
    params(("account_id" = String, Path, description = "Account id of the node"), MinHeight),
    responses((status = 200, description = "The node", body = Node), EntityProblems)
)]
pub async fn nodes_get(
    State(app): State<App>,
    Segments(account_id): Segments<String>,
) -> Result<Versioned<Node>, Problem> {
    let mut db = app.reader.acquire().await?;
    let found = node_get(&mut db, &account_id).await?.ok_or_else(|| Problem::not_found("node", &account_id))?;
    Ok(Versioned { updated_seq: found.updated_seq, body: found.into() })
}
