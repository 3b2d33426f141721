//! `POST /v1/transactions/deposit`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use piecework_api::{Signed, UnsignedTransaction, transaction::TokenAmount};
use piecework_client::token;
use piecework_interface::governance::Feature;
use piecework_store::cursor::Cursor;

use crate::{
    app::App,
    extract::MinHeight,
    problem::Problem,
    transaction::{Asked, Desk, TransactionProblems, impossible},
};

/// A transfer out of the signer's account with a listed token to its internal balance.
#[utoipa::path(
    post, path = "/v1/transactions/deposit", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<TokenAmount>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_deposit(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<TokenAmount>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let mut desk = Desk::open(&app, &head, signer_id).await?;
    desk.runs(Feature::Deposits, "deposits")?;
    let listed = desk.reward_token(args.token)?;
    if args.amount.0 == 0 {
        return Err(impossible("amount must be above 0"));
    }
    let (receiver_id, sent) = (listed.row.account_id.clone(), listed.amount(args.amount));
    desk.stores(0);
    let description = format!("Sends {sent} to {} and credits the balance of {}.", desk.contract_id, desk.signer_id);
    let call = token::deposit(&desk.contract_id, args.amount.0);
    desk.done_at(receiver_id, call, description)
}
