//! `GET /v1/accounts/{account_id}`.

use axum::extract::State;
use piecework_store::read::account::account_get;

use super::Account;
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
    Ok(Versioned { updated_seq: found.updated_seq, body: found.into() })
}
