//! `GET /v1/nodes/{account_id}`.

use axum::extract::State;
use piecework_api::Node;
use piecework_store::node::node_get;

use crate::{
    app::App,
    endpoints::Versioned,
    extract::{MinHeight, Segments},
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
    Ok(Versioned { updated_seq: found.updated_seq, body: found })
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;
    use serde_json::json;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn nodes_get__should_answer_what_it_earned_and_lost(pool: PgPool) {
        // Given a node with two settled slots
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When it is asked for
        let body = gateway.json("/v1/nodes/node1.test.near").await;

        // Then pay, slashes and agreement are summed
        assert_eq!(body["earned"], json!([{"token": 1, "amount": "750"}]));
        assert_eq!((body["slashed"].as_str(), body["agreed_items"].as_u64()), (Some("0"), Some(7)));
        assert_eq!(body["classes"][0]["reputation"], 5000);
        assert_eq!(body["stake"], "20000000000000000000000000");
        assert_eq!(gateway.problem("/v1/nodes/requester.test.near").await, (404, "not-found".to_owned()));
        assert_eq!(gateway.problem("/v1/nodes/nobody.test.near").await, (404, "not-found".to_owned()));
    }
}
