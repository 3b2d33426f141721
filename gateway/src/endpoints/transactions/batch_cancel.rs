//! `POST /v1/transactions/batch-cancel`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use piecework_api::{Signed, UnsignedTransaction, batch::BatchState};
use piecework_client::calls;
use piecework_interface::call::BatchArgs;
use piecework_store::cursor::Cursor;

use crate::{
    app::App,
    extract::MinHeight,
    problem::Problem,
    transaction::{Asked, Desk, TransactionProblems, impossible},
};

/// The end of claims in a batch of the signer. Lots that nodes hold run to their end, and what is not paid comes back.
#[utoipa::path(
    post, path = "/v1/transactions/batch-cancel", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<BatchArgs>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_batch_cancel(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<BatchArgs>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let mut desk = Desk::open(&app, &head, signer_id).await?;
    let batch = desk.own_batch(args.batch).await?;
    if batch.status != BatchState::Open {
        return Err(impossible(format!("batch {} is cancelled or closed already", args.batch)));
    }
    let held = desk.amount(batch.record.token, batch.record.escrow.0)?;
    let description = format!(
        "Cancels batch {}, which holds {held}: no more lots begin, and what is not paid returns to the balance of {}.",
        args.batch, desk.signer_id,
    );
    desk.done(calls::batch_cancel(args.batch), description)
}
