//! `POST /v1/transactions/batch-create`.

use std::{ops::RangeInclusive, sync::Arc};

use axum::{Extension, Json, extract::State};
use piecework_api::{
    Signed, UnsignedTransaction,
    transaction::{BatchCreation, PayFrom},
};
use piecework_client::{calls, token};
use piecework_interface::{
    call::BatchSpec,
    governance::Feature,
    money::{self, REFERRER_PCT_MAX},
    storage::{BATCH_BYTES, URI_MAX},
    terms::TermsError,
};
use piecework_store::{class::class_get, cursor::Cursor};

use crate::{
    app::App,
    extract::MinHeight,
    problem::Problem,
    transaction::{Asked, Desk, TransactionProblems, impossible, text},
};

/// Gas that a callback may ask for, in TGas.
const CALLBACK_TGAS: RangeInclusive<u8> = 5..=100;

/// A batch that the signer pays for out of its internal balance, or by a transfer out of its account with the token. The escrow is what all
/// copies of all items can cost, fee included; what is not paid comes back.
#[utoipa::path(
    post, path = "/v1/transactions/batch-create", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<BatchCreation>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_batch_create(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<BatchCreation>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let mut desk = Desk::open(&app, &head, signer_id).await?;
    let BatchCreation { token, batch, pay_from } = args;
    desk.runs(Feature::Batches, "new batches")?;
    let listed = desk.reward_token(token)?;
    check(&batch, &desk)?;
    let terms = &batch.terms;
    let refusal = |error: TermsError| impossible(format!("terms.{}: {error}", error.field));
    terms.check(&desk.settings.config.bounds, listed.row.min_reward.0, desk.now_s).map_err(refusal)?;
    let receiver_id = listed.row.account_id.clone();
    let escrow = money::escrow(terms, desk.settings.config.fee_bps, batch.items);
    let class = class_get(&mut desk.db, terms.class).await?.ok_or_else(|| Problem::not_found("class", terms.class))?;
    desk.stores(BATCH_BYTES);
    let description = format!(
        "Locks {} for {} of class {} ({}) and creates a batch that expires on {}.",
        desk.amount(token, escrow)?,
        text::many(batch.items, "item"),
        terms.class,
        class.record.name,
        text::date(terms.expires_at),
    );
    match pay_from {
        PayFrom::Balance => {
            desk.takes(token, escrow)?;
            desk.done(calls::batch_create(token, batch), description)
        }
        PayFrom::Token => {
            desk.runs(Feature::Deposits, "deposits")?;
            let call = token::batch_create(&desk.contract_id, escrow, batch);
            desk.done_at(receiver_id, call, description)
        }
    }
}

/// What the contract asks of a batch beside its terms.
fn check(batch: &BatchSpec, desk: &Desk) -> Result<(), Problem> {
    if batch.items == 0 {
        return Err(impossible("batch.items must be above 0"));
    }
    if batch.uri.len() > URI_MAX {
        return Err(impossible(format!("batch.uri has {} bytes, more than {URI_MAX}", batch.uri.len())));
    }
    if let Some(adjudicator) = batch.terms.adjudicator().filter(|account| account.0 >= desk.root.next_account) {
        return Err(Problem::not_found("registered account", adjudicator));
    }
    if let Some(referrer) = &batch.referrer {
        if referrer.account.0 >= desk.root.next_account {
            return Err(Problem::not_found("registered account", referrer.account));
        }
        if !referrer.is_possible() {
            return Err(impossible(format!(
                "batch.referrer.part_pct is {}, not 0 to {REFERRER_PCT_MAX}",
                referrer.part_pct
            )));
        }
    }
    if let Some(callback) = &batch.callback {
        Desk::account_id("batch.callback.account_id", &callback.account_id)?;
        if !CALLBACK_TGAS.contains(&callback.tgas) {
            return Err(impossible(format!("batch.callback.tgas is {}, not 5 to 100", callback.tgas)));
        }
        if batch.forget_on_close {
            return Err(impossible("batch.forget_on_close leaves no row for batch.callback: name one of them"));
        }
    }
    Ok(())
}
