//! `POST /v1/transactions/storage-deposit`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use piecework_api::{Signed, UnsignedTransaction, transaction::StorageDeposit};
use piecework_client::calls;
use piecework_interface::storage;
use piecework_store::{account::account_get, cursor::Cursor};

use crate::{
    app::App,
    extract::MinHeight,
    problem::Problem,
    transaction::{Asked, Desk, TransactionProblems, impossible, near},
};

/// A storage deposit, NEP-145: it registers an account, or adds to its deposit.
#[utoipa::path(
    post, path = "/v1/transactions/storage-deposit", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<StorageDeposit>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_storage_deposit(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<StorageDeposit>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let mut desk = Desk::open(&app, &head, signer_id).await?;
    let account_id = args.account_id.unwrap_or_else(|| desk.signer_id.clone());
    Desk::account_id("account_id", &account_id)?;
    let is_known = account_get(&mut desk.db, &account_id).await?.is_some();
    if args.amount.0 == 0 || (!is_known && args.amount.0 < storage::minimum()) {
        return Err(impossible(format!(
            "amount must be at least {} yoctoNEAR for a new account, and above 0",
            storage::minimum()
        )));
    }
    let deposited = near(args.amount.0);
    let description = match is_known {
        true => format!("Adds {deposited} to the storage deposit of {account_id}."),
        false => format!("Registers {account_id} with a storage deposit of {deposited}."),
    };
    desk.done(calls::storage_deposit(&account_id, args.amount.0), description)
}
