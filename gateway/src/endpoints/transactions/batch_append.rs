//! `POST /v1/transactions/batch-append`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use piecework_api::{Signed, UnsignedTransaction, batch::BatchState};
use piecework_client::calls;
use piecework_interface::{
    call::BatchAppendArgs, governance::Feature, money, round::batch_closed_to_claims, storage::URI_MAX, view::OpenBatch,
};
use piecework_store::cursor::Cursor;

use crate::{
    app::App,
    extract::MinHeight,
    problem::Problem,
    transaction::{Asked, Desk, TransactionProblems, impossible, text},
};

/// Lots for an appendable batch of the signer, with their escrow out of its internal balance.
#[utoipa::path(
    post, path = "/v1/transactions/batch-append", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<BatchAppendArgs>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_batch_append(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<BatchAppendArgs>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let mut desk = Desk::open(&app, &head, signer_id).await?;
    desk.runs(Feature::Batches, "new batches")?;
    let batch = desk.own_batch(args.batch).await?;
    let OpenBatch { token, terms, fixed, .. } = &batch.record;
    if !batch.record.appendable {
        return Err(impossible(format!("batch {} is not appendable", args.batch)));
    }
    if batch_closed_to_claims(terms, batch.status != BatchState::Open, desk.now_s) {
        return Err(impossible(format!("batch {} takes no claims any more", args.batch)));
    }
    if args.items == 0 || batch.record.items.checked_add(args.items).is_none() {
        return Err(impossible("items must be above 0, and below 2^32 in all"));
    }
    if batch.record.items % u32::from(terms.lot_size) != 0 {
        return Err(impossible(format!("batch {} has a short last lot: nothing can follow it", args.batch)));
    }
    if args.uri.len() > URI_MAX {
        return Err(impossible(format!("uri has {} bytes, more than {URI_MAX}", args.uri.len())));
    }
    let escrow = money::escrow(terms, fixed.fee_bps, args.items);
    desk.takes(*token, escrow)?;
    let locked = desk.amount(*token, escrow)?;
    let description = format!("Locks {locked} for {} more of batch {}.", text::many(args.items, "item"), args.batch);
    desk.done(calls::batch_append(&args), description)
}
