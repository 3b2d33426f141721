//! `POST /v1/transactions/batch-extend-expiry`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use piecework_api::{Signed, UnsignedTransaction, batch::BatchState};
use piecework_client::calls;
use piecework_interface::{call::BatchExtendExpiryArgs, governance::Feature};
use piecework_store::cursor::Cursor;

use crate::{
    app::App,
    extract::MinHeight,
    problem::Problem,
    transaction::{Asked, Desk, TransactionProblems, impossible, text},
};

/// A later expiry of a batch of the signer.
#[utoipa::path(
    post, path = "/v1/transactions/batch-extend-expiry", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<BatchExtendExpiryArgs>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_batch_extend_expiry(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<BatchExtendExpiryArgs>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let mut desk = Desk::open(&app, &head, signer_id).await?;
    desk.runs(Feature::Batches, "new batches")?;
    let batch = desk.own_batch(args.batch).await?;
    let (terms, ended) = (&batch.record.terms, batch.status != BatchState::Open);
    let life = (batch.record.created_at, desk.settings.config.bounds.lifetime_max_s);
    if !terms.may_expire_at(args.expires_at, ended, life, desk.now_s) {
        return Err(impossible(format!(
            "expires_at must be later than {} and at most {}, in a batch that takes claims and has no adjudicator",
            terms.expires_at,
            life.0.saturating_add(life.1),
        )));
    }
    let description = format!(
        "Lets batch {} expire on {} instead of {}.",
        args.batch,
        text::date(args.expires_at),
        text::date(terms.expires_at),
    );
    desk.done(calls::batch_extend_expiry(args.batch, args.expires_at), description)
}
