//! `GET /v1/accounts/{account_id}/ledger`.

use axum::{Json, extract::State};
use piecework_store::read::{
    account::account_get,
    ledger::{self, LedgerKind, ledger_list_by_account},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    cursor,
    extract::{LIMIT_MAX, MinHeight, Page, Params, Segments, page_limit},
    model::Amount,
    problem::{EntityProblems, Problem},
};

/// Which movements.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LedgerListParams {
    /// `next` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// Rows, 1..=200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A movement of an internal balance.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LedgerEntry {
    /// Journal line.
    pub seq: u64,
    /// Order in the line.
    pub leg: u32,
    /// Unix time of the block, seconds.
    pub block_at: u32,
    /// Token.
    pub token: u16,
    /// `deposit`, `withdraw`, `restore` (a failed transfer came back), `escrow`, `pay`, `refund`, `revenue` (of an epoch),
    /// `transfer` (by a signed intent), `bond` (of a challenge or an adjudicator) or `juror_fee`.
    #[schema(value_type = String, example = "pay")]
    pub kind: LedgerKind,
    /// Whether the balance grew.
    pub credit: bool,
    /// Amount moved.
    pub amount: Amount,
    /// Balance afterwards.
    pub balance_after: Amount,
    /// Batch that it concerns.
    pub batch: Option<u32>,
    /// Lot that it concerns.
    pub lot: Option<u32>,
}

const SORT: &str = "ledger:-seq";

/// Movements of an account's internal balances, newest first.
#[utoipa::path(
    get, path = "/v1/accounts/{account_id}/ledger", tag = "accounts",
    params(("account_id" = String, Path, description = "Account id"), LedgerListParams, MinHeight),
    responses((status = 200, description = "A page of movements", body = Page<LedgerEntry>), EntityProblems)
)]
pub async fn accounts_ledger(
    State(app): State<App>,
    Segments(account_id): Segments<String>,
    Params(params): Params<LedgerListParams>,
) -> Result<Json<Page<LedgerEntry>>, Problem> {
    let limit = page_limit(params.limit, LIMIT_MAX)?;
    let before = params.cursor.map(|text| cursor::decode(&text, SORT, &account_id)).transpose()?;
    let mut db = app.reader.snapshot().await?;
    let account = account_get(&mut db, &account_id).await?;
    let account = account.ok_or_else(|| Problem::not_found("registered account", &account_id))?;
    let rows = ledger_list_by_account(&mut db, account.account, before, limit + 1).await?;
    let page = Page::cut(rows, limit, |entry| cursor::encode(SORT, &(entry.seq, entry.leg), &account_id));
    Ok(Json(page.map(LedgerEntry::from)))
}

impl From<ledger::LedgerEntry> for LedgerEntry {
    fn from(entry: ledger::LedgerEntry) -> Self {
        Self {
            seq: entry.seq,
            leg: entry.leg,
            block_at: entry.block_at,
            token: entry.token.0,
            kind: entry.kind,
            credit: entry.credit,
            amount: entry.amount.into(),
            balance_after: entry.balance_after.into(),
            batch: entry.batch.map(|batch| batch.0),
            lot: entry.lot.map(|lot| lot.0),
        }
    }
}

#[cfg(test)]
#[allow(non_snake_case)]
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
        assert_eq!((balance(&first), balance(&second)), ("20".to_owned(), "10".to_owned()));
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
