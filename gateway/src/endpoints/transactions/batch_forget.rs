//! `POST /v1/transactions/batch-forget`.

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

/// The end of the contract's record of a closed batch of the signer.
#[utoipa::path(
    post, path = "/v1/transactions/batch-forget", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<BatchArgs>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_batch_forget(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<BatchArgs>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let mut desk = Desk::open(&app, &head, signer_id).await?;
    let batch = desk.own_batch(args.batch).await?;
    if batch.status != BatchState::Closed {
        return Err(impossible(format!("batch {} is not closed, or forgotten already", args.batch)));
    }
    let description = format!(
        "Drops the contract's record of closed batch {} and frees its storage deposit; its results stay in the journal.",
        args.batch,
    );
    desk.done(calls::batch_forget(args.batch), description)
}
