//! `POST /v1/transactions/batch-skip-lots`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use piecework_api::{Signed, UnsignedTransaction};
use piecework_client::calls;
use piecework_interface::{call::BatchSkipLotsArgs, lots::lot_count};
use piecework_store::cursor::Cursor;

use crate::{
    app::App,
    extract::MinHeight,
    problem::Problem,
    transaction::{Asked, Desk, TransactionProblems, impossible, text},
};

/// Lots of one call at most.
const LOTS_MAX: usize = 64;

/// The end of lots of a batch of the signer that no node holds.
#[utoipa::path(
    post, path = "/v1/transactions/batch-skip-lots", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<BatchSkipLotsArgs>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_batch_skip_lots(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<BatchSkipLotsArgs>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let mut desk = Desk::open(&app, &head, signer_id).await?;
    let batch = desk.own_batch(args.batch).await?;
    let lots = lot_count(batch.record.items, batch.record.terms.lot_size);
    if batch.ended_at.is_some() {
        return Err(impossible(format!("batch {} is closed", args.batch)));
    }
    if args.lots.is_empty() || args.lots.len() > LOTS_MAX {
        return Err(impossible(format!("lots has {} numbers, not 1 to {LOTS_MAX}", args.lots.len())));
    }
    if let Some(lot) = args.lots.iter().find(|lot| lot.0 >= lots) {
        return Err(Problem::not_found("lot", format_args!("{lot} in batch {}: it has {lots} lots", args.batch)));
    }
    let named: Vec<_> = args.lots.iter().map(|lot| lot.to_string()).collect();
    let description = format!(
        "Closes those of lots {} of batch {} that no node holds, and returns their escrow.",
        text::list(&named),
        args.batch,
    );
    desk.done(calls::batch_skip_lots(args.batch, args.lots), description)
}
