//! `POST /v1/transactions/storage-withdraw`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use piecework_api::{Signed, UnsignedTransaction};
use piecework_client::calls;
use piecework_interface::{args::StorageWithdrawArgs, storage};
use piecework_store::cursor::Cursor;

use crate::{
    app::App,
    extract::MinHeight,
    problem::Problem,
    transaction::{Asked, Desk, TransactionProblems, impossible, near},
};

/// Storage deposit of the signer that backs no bytes, NEP-145; all of it without an amount.
#[utoipa::path(
    post, path = "/v1/transactions/storage-withdraw", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<StorageWithdrawArgs>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_storage_withdraw(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<StorageWithdrawArgs>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let desk = Desk::open(&app, &head, signer_id).await?;
    let Some(signer) = &desk.signer else {
        return Err(Problem::not_found("registered account", &desk.signer_id));
    };
    let free = signer.storage_paid.0.saturating_sub(storage::cost(signer.storage_used));
    let amount = args.amount.map_or(free, |amount| amount.0);
    if amount > free {
        return Err(impossible(format!("amount is {}, and {} backs no bytes", near(amount), near(free))));
    }
    let description = format!("Returns {} of the storage deposit to {}.", near(amount), desk.signer_id);
    desk.done(calls::storage_withdraw(args.amount.map(Into::into)), description)
}
