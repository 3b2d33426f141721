//! `GET /v1/accounts`.

use axum::{Json, extract::State};
use piecework_api::{Account, Page};
use piecework_interface::ids::AccountNo;
use piecework_store::account::account_list;

use crate::{
    app::App,
    extract::{All, Listed, MinHeight, Paging},
    problem::{MirrorProblems, Problem},
};

const SORT: &str = "accounts:account";

/// Registered accounts in order of registration.
#[utoipa::path(
    get, path = "/v1/accounts", tag = "accounts",
    params(Paging, MinHeight),
    responses((status = 200, description = "A page of accounts", body = Page<Account>), MirrorProblems)
)]
pub async fn accounts_list(
    State(app): State<App>,
    Listed(All {}, paging): Listed<All>,
) -> Result<Json<Page<Account>>, Problem> {
    let list = paging.of(SORT, ())?;
    let after = list.after()?.map(AccountNo);
    let mut db = app.reader.acquire().await?;
    let rows = account_list(&mut db, after, list.rows()).await?;
    Ok(Json(list.cut(rows, |account| account.account.0)))
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn accounts_list__should_page_in_order_of_registration(pool: PgPool) {
        // Given four accounts
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When they are paged through
        let first = gateway.json("/v1/accounts?limit=3").await;
        let next = first["next"].as_str().unwrap();
        let second = gateway.json(&format!("/v1/accounts?limit=3&cursor={next}")).await;

        // Then each came once
        assert_eq!(first["items"][0]["account_id"], "requester.test.near");
        assert_eq!(second["items"][0]["account_id"], "node3.test.near");
        assert_eq!((first["items"].as_array().unwrap().len(), second["items"].as_array().unwrap().len()), (3, 1));
    }
}
