//! `GET /v1/accounts/{account_id}`.

use axum::extract::State;
use piecework_api::Account;
use piecework_store::read::account::account_get;

use crate::{
    app::App,
    endpoints::Versioned,
    extract::{MinHeight, Segments},
    problem::{EntityProblems, Problem},
};

/// One registered account with its internal balances.
#[utoipa::path(
    get, path = "/v1/accounts/{account_id}", tag = "accounts",
    params(("account_id" = String, Path, description = "Account id"), MinHeight),
    responses((status = 200, description = "The account", body = Account), EntityProblems)
)]
pub async fn accounts_get(
    State(app): State<App>,
    Segments(account_id): Segments<String>,
) -> Result<Versioned<Account>, Problem> {
    let mut db = app.reader.acquire().await?;
    let found = account_get(&mut db, &account_id).await?;
    let found = found.ok_or_else(|| Problem::not_found("registered account", &account_id))?;
    Ok(Versioned { updated_seq: found.updated_seq, body: found })
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;
    use serde_json::json;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn accounts_get__should_answer_balances(pool: PgPool) {
        // Given a requester and a paid node
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When they are asked for
        let requester = gateway.json("/v1/accounts/requester.test.near").await;
        let node = gateway.json("/v1/accounts/node2.test.near").await;

        // Then balances are strings per token: one lot in full and one without its last item; all that the requester has is locked
        assert_eq!(requester["balances"], json!([]));
        assert_eq!(node["balances"], json!([{"token": 1, "amount": "700"}]));
        assert_eq!((requester["is_node"].as_bool(), node["is_node"].as_bool()), (Some(false), Some(true)));
        assert_eq!(gateway.problem("/v1/accounts/nobody.test.near").await, (404, "not-found".to_owned()));
    }
}
