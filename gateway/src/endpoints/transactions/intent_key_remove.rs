//! `POST /v1/transactions/intent-key-remove`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use piecework_api::{Signed, UnsignedTransaction};
use piecework_client::calls;
use piecework_interface::call::IntentKeyRemoveArgs;
use piecework_store::cursor::Cursor;

use crate::{
    app::App,
    extract::MinHeight,
    problem::Problem,
    transaction::{Asked, Desk, TransactionProblems},
};

/// The end of every right of a key that signs intents for the signer.
#[utoipa::path(
    post, path = "/v1/transactions/intent-key-remove", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<IntentKeyRemoveArgs>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_intent_key_remove(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<IntentKeyRemoveArgs>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let mut desk = Desk::open(&app, &head, signer_id).await?;
    let keys: Vec<_> = desk.signer.iter().flat_map(|signer| &signer.keys).map(|row| row.public_key).collect();
    if !keys.contains(&args.public_key) {
        let warning = format!("{} has no such key; only an implicit account's own key has no row", desk.signer_id);
        desk.warn(warning);
    }
    let description = format!("Takes every right from the key {} of {}.", args.public_key, desk.signer_id);
    desk.done(calls::intent_key_remove(args.public_key), description)
}
