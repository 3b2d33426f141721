//! `GET /v1/accounts/{account_id}/ledger`.

use axum::{Json, extract::State};
use piecework_api::{LedgerEntry, Page};
use piecework_store::{account::account_get, ledger::ledger_list_by_account};

use crate::{
    app::App,
    extract::{All, Listed, MinHeight, Paging, Segments},
    problem::{EntityProblems, Problem},
};

const SORT: &str = "ledger:-seq";

/// Movements of an account's internal balances, newest first.
#[utoipa::path(
    get, path = "/v1/accounts/{account_id}/ledger", tag = "accounts",
    params(("account_id" = String, Path, description = "Account id"), Paging, MinHeight),
    responses((status = 200, description = "A page of movements", body = Page<LedgerEntry>), EntityProblems)
)]
pub async fn accounts_ledger(
    State(app): State<App>,
    Segments(account_id): Segments<String>,
    Listed(All {}, paging): Listed<All>,
) -> Result<Json<Page<LedgerEntry>>, Problem> {
    let list = paging.of(SORT, &account_id)?;
    let before = list.after()?;
    let mut db = app.reader.snapshot().await?;
    let account = account_get(&mut db, &account_id).await?;
    let account = account.ok_or_else(|| Problem::not_found("registered account", &account_id))?;
    let rows = ledger_list_by_account(&mut db, account.account, before, list.rows()).await?;
    Ok(Json(list.cut(rows, |entry| (entry.seq, entry.leg))))
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;
    use serde_json::Value;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn accounts_ledger__should_page_newest_first(pool: PgPool) {
        // Given a node that was paid twice
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When its movements are paged through
        let first = gateway.json("/v1/accounts/node1.test.near/ledger?limit=1").await;
        let next = first["next"].as_str().unwrap();
        let second = gateway.json(&format!("/v1/accounts/node1.test.near/ledger?limit=1&cursor={next}")).await;

        // Then the balance runs backwards, and another account's ledger does not take the cursor
        let balance = |page: &Value| page["items"][0]["balance_after"].as_str().unwrap().to_owned();
        assert_eq!((balance(&first), balance(&second)), ("750".to_owned(), "400".to_owned()));
        assert_eq!(
            (first["items"][0]["kind"].as_str(), first["items"][0]["credit"].as_bool()),
            (Some("pay"), Some(true))
        );
        assert!(second.get("next").is_none());
        let other = format!("/v1/accounts/node2.test.near/ledger?cursor={next}");
        assert_eq!(gateway.problem(&other).await, (400, "bad-cursor".to_owned()));
        assert_eq!(gateway.problem("/v1/accounts/nobody.test.near/ledger").await, (404, "not-found".to_owned()));
    }
}
