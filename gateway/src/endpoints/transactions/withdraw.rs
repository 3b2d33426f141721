//! `POST /v1/transactions/withdraw`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use piecework_api::{Signed, UnsignedTransaction};
use piecework_client::calls;
use piecework_interface::call::WithdrawArgs;
use piecework_store::cursor::Cursor;

use crate::{
    app::App,
    extract::MinHeight,
    problem::Problem,
    transaction::{Asked, Desk, TransactionProblems, impossible},
};

/// A payment out of the signer's internal balance to the signer; all of the balance without an amount.
#[utoipa::path(
    post, path = "/v1/transactions/withdraw", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<WithdrawArgs>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_withdraw(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<WithdrawArgs>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let mut desk = Desk::open(&app, &head, signer_id).await?;
    let amount = args.amount.map_or_else(|| desk.balance(args.token), |amount| amount.0);
    let sent = desk.amount(args.token, amount)?;
    if amount == 0 {
        return Err(impossible("there is nothing to withdraw"));
    }
    desk.takes(args.token, amount)?;
    let description = format!("Sends {sent} out of the balance of {} to it.", desk.signer_id);
    desk.done(calls::withdraw(args.token, args.amount.map(Into::into)), description)
}
