//! `GET /v1/batches`.

use axum::{Json, extract::State};
use piecework_api::{Batch, BatchState, Page};
use piecework_interface::ids::{AccountNo, BatchId, ClassId};
use piecework_store::{
    account::account_get,
    batch::{BatchFilter, batch_list},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::{Listed, MinHeight, Paging},
    problem::{MirrorProblems, Problem},
};

/// Which batches.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BatchListParams {
    /// Only batches in this state: `open`, `cancelled`, `closed` or `forgotten`.
    #[param(value_type = Option<String>, example = "open", pattern = "^(open|cancelled|closed|forgotten)$")]
    status: Option<BatchState>,
    /// Only batches of this account.
    requester_id: Option<String>,
    /// Only batches of this class.
    class: Option<u16>,
}

const SORT: &str = "batches:-batch";
/// Stands for accounts that are not registered: no batch is theirs.
const UNKNOWN: AccountNo = AccountNo(u32::MAX);

/// Batches, newest first.
#[utoipa::path(
    get, path = "/v1/batches", tag = "batches",
    params(BatchListParams, Paging, MinHeight),
    responses((status = 200, description = "A page of batches", body = Page<Batch>), MirrorProblems)
)]
pub async fn batches_list(
    State(app): State<App>,
    Listed(params, paging): Listed<BatchListParams>,
) -> Result<Json<Page<Batch>>, Problem> {
    let mut db = app.reader.snapshot().await?;
    let requester = match &params.requester_id {
        None => None,
        Some(account_id) => Some(account_get(&mut db, account_id).await?.map_or(UNKNOWN, |account| account.account)),
    };
    let list = paging.of(SORT, BatchFilter { state: params.status, requester, class: params.class.map(ClassId) })?;
    let before = list.after()?.map(BatchId);
    let rows = batch_list(&mut db, &list.filter, before, list.rows()).await?;
    Ok(Json(list.cut(rows, |batch| batch.batch.0)))
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;

    use crate::testing::{Gateway, Market, REQUESTER};

    async fn numbers(gateway: &Gateway, path: &str) -> (Vec<u64>, Option<String>) {
        let page = gateway.json(path).await;
        let numbers = page["items"].as_array().unwrap().iter().map(|batch| batch["batch"].as_u64().unwrap());
        (numbers.collect(), page["next"].as_str().map(str::to_owned))
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn batches_list__should_page_without_gaps_or_repetition_while_batches_are_added(pool: PgPool) {
        // Given five batches
        let mut market = Market::open(&pool, 1).await;
        for _ in 0..5 {
            market.post(4);
        }
        market.commit().await;
        let gateway = Gateway::start(&pool).await;

        // When they are paged through while others are posted
        let mut seen = Vec::new();
        let mut path = "/v1/batches?limit=2".to_owned();
        loop {
            let (page, next) = numbers(&gateway, &path).await;
            seen.extend(page);
            let Some(next) = next else { break };
            path = format!("/v1/batches?limit=2&cursor={next}");
            market.post(4);
            market.commit().await;
        }

        // Then each of the five came once, newest first
        assert_eq!(seen, [4, 3, 2, 1, 0]);
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn batches_list__should_filter(pool: PgPool) {
        // Given batches of one requester and class
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When filters fit, or leave everything out
        let fits = numbers(&gateway, &format!("/v1/batches?status=open&class=0&requester_id={REQUESTER}")).await;
        let nobody = numbers(&gateway, "/v1/batches?requester_id=nobody.test.near").await;
        let closed = numbers(&gateway, "/v1/batches?status=closed").await;

        // Then so do the pages
        assert_eq!((fits.0, nobody.0, closed.0), (vec![0], vec![], vec![]));
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn batches_list__should_refuse_what_it_does_not_know(pool: PgPool) {
        // Given two batches and the cursor behind the first
        let mut market = Market::open(&pool, 1).await;
        market.post(4);
        market.post(4);
        market.commit().await;
        let gateway = Gateway::start(&pool).await;
        let next = numbers(&gateway, "/v1/batches?limit=1").await.1.unwrap();

        // When parameters are wrong
        let cases = [
            ("/v1/batches?limit=0".to_owned(), "bad-request"),
            ("/v1/batches?limit=201".to_owned(), "bad-request"),
            ("/v1/batches?status=opne".to_owned(), "bad-request"),
            ("/v1/batches?stauts=open".to_owned(), "bad-request"),
            (format!("/v1/batches?status=open&cursor={next}"), "bad-cursor"),
            (format!("/v1/nodes?cursor={next}"), "bad-cursor"),
            ("/v1/batches?cursor=AAAA".to_owned(), "bad-cursor"),
        ];

        // Then each is told so
        for (path, code) in cases {
            assert_eq!(gateway.problem(&path).await, (400, code.to_owned()), "{path}");
        }
    }
}
