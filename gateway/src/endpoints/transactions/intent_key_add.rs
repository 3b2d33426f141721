//! `POST /v1/transactions/intent-key-add`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use piecework_api::{Signed, UnsignedTransaction};
use piecework_client::calls;
use piecework_interface::{
    call::IntentKeyAddArgs,
    key::{Kind, Kinds, PublicKey},
    storage::INTENT_KEY_BYTES,
};
use piecework_store::cursor::Cursor;
use serde_json::json;

use crate::{
    app::App,
    extract::MinHeight,
    problem::Problem,
    transaction::{Asked, Desk, TransactionProblems, impossible, text},
};

/// A key that may sign intents for the signer: some kinds, one token, a cap per UTC day. So a server works with a key that moves no more
/// than its cap.
#[utoipa::path(
    post, path = "/v1/transactions/intent-key-add", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<IntentKeyAddArgs>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_intent_key_add(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<IntentKeyAddArgs>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let mut desk = Desk::open(&app, &head, signer_id).await?;
    let limit = desk.amount(args.token, args.daily_cap.0)?;
    if args.kinds == Kinds::NONE {
        return Err(impossible("kinds names none"));
    }
    let has = |key: &PublicKey| desk.signer.iter().flat_map(|signer| &signer.keys).any(|row| row.public_key == *key);
    let bytes = if has(&args.public_key) { 0 } else { INTENT_KEY_BYTES };
    desk.stores(bytes);
    let kinds = Kind::ALL.into_iter().filter(|kind| args.kinds.has(*kind));
    let kinds: Vec<_> = kinds.filter_map(|kind| Some(json!(kind).as_str()?.replace('_', " "))).collect();
    let description = format!(
        "Lets the key {} sign for {}, up to {limit} a UTC day: {}.",
        args.public_key,
        desk.signer_id,
        text::list(&kinds),
    );
    desk.done(calls::intent_key_add(&args), description)
}
