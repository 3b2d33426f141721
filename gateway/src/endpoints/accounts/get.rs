//! `GET /v1/accounts/{account_id}`.

use axum::extract::State;
use piecework_api::Account;
use piecework_store::account::account_get;

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

        // Then balances are strings per token: one lot in full and one with half for its last item; all that the requester has is locked
        assert_eq!(requester["balances"], json!([]));
        assert_eq!(node["balances"], json!([{"token": 1, "amount": "750"}]));
        assert_eq!((requester["is_node"].as_bool(), node["is_node"].as_bool()), (Some(false), Some(true)));
        assert_eq!(gateway.problem("/v1/accounts/nobody.test.near").await, (404, "not-found".to_owned()));
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn names__should_be_unknown_when_no_text_of_postgres_can_hold_them(pool: PgPool) {
        // Given a mirror, and a name with a NUL, which Postgres refuses in text
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When everything that takes a name is asked for it, then nothing breaks
        for path in [
            "/v1/accounts/a%00b",
            "/v1/accounts/a%00b/ledger",
            "/v1/nodes/a%00b",
            "/v1/nodes/a%00b/slots",
            "/v1/stream?node=a%00b",
        ] {
            let (status, code) = gateway.problem(path).await;
            assert!(matches!(status, 400 | 404), "{path}: {status} {code}");
        }
        let batches = gateway.get("/v1/batches?requester_id=a%00b").await.status();
        assert!(matches!(batches.as_u16(), 200 | 400), "{batches}");
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn batches_list__should_refuse_a_bad_page_of_an_unknown_requester_too(pool: PgPool) {
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;
        assert_eq!(gateway.problem("/v1/batches?requester_id=nobody&limit=0").await, (400, "bad-request".to_owned()));
        assert_eq!(gateway.problem("/v1/batches?requester_id=nobody&cursor=zz").await, (400, "bad-cursor".to_owned()));
    }
}
