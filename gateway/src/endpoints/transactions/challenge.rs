//! `POST /v1/transactions/challenge`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use piecework_api::{Signed, UnsignedTransaction, lot::LotState};
use piecework_client::calls;
use piecework_interface::{
    call::ChallengeArgs,
    dispute::{challenge_deposit, questions},
    storage::challenge_bytes,
    view::{self, LotPhase},
};
use piecework_store::{batch::batch_shape_get, cursor::Cursor, lot::lot_list};

use crate::{
    app::App,
    extract::MinHeight,
    problem::Problem,
    transaction::{Asked, Desk, TransactionProblems, impossible, text},
};

/// A challenge of items of a provisional lot, for a deposit out of the signer's internal balance: a jury decides.
#[utoipa::path(
    post, path = "/v1/transactions/challenge", tag = "transactions",
    params(MinHeight),
    request_body(content = inline(Signed<ChallengeArgs>), description = "At most 16 KiB"),
    responses((status = 200, description = "What is to be signed", body = UnsignedTransaction), TransactionProblems)
)]
pub async fn transactions_challenge(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Asked(Signed { signer_id, args }): Asked<ChallengeArgs>,
) -> Result<Json<UnsignedTransaction>, Problem> {
    let mut desk = Desk::open(&app, &head, signer_id).await?;
    let batch = desk.batch(args.batch).await?;
    let shape =
        batch_shape_get(&mut desk.db, args.batch).await?.ok_or_else(|| Problem::not_found("batch", args.batch))?;
    if args.lot.0 >= shape.lots() {
        return Err(Problem::not_found("lot", format_args!("{} in batch {}", args.lot, args.batch)));
    }
    let found = lot_list(&mut desk.db, &shape, &[args.lot]).await?.into_iter().next();
    let lot = found.ok_or_else(|| Problem::not_found("lot", args.lot))?;
    let token = batch.record.token;
    let provisional = lot.state == LotState::Provisional;
    let state = view::LotState {
        phase: LotPhase::Provisional,
        appeal: lot.appeal,
        phase_at: lot.phase_at,
        case: lot.case,
        reward: lot.reward.unwrap_or_default(),
        ..Default::default()
    };
    // A raise since the lot's first claim does not count for it.
    let terms = &state.terms(&batch.record.terms);
    if !provisional || !state.challengeable(terms, desk.now_s) {
        return Err(impossible(format!("lot {} of batch {} is not open to challenges", args.lot, args.batch)));
    }
    let bits = args.items.iter().map(|item| 1_u64.checked_shl(u32::from(*item)).ok_or(item));
    let set = bits.reduce(|set, bit| Ok(set? | bit?)).ok_or_else(|| impossible("items names none"))?;
    let set = set.map_err(|item| impossible(format!("the lot has no item {item}")))?;
    if set & !questions(terms, lot.items) != 0 {
        return Err(impossible(format!("the lot has {} items", lot.items)));
    }
    if set & state.case.as_ref().map_or(0, |case| case.challenged()) != 0 {
        return Err(impossible("name items that no account has challenged yet"));
    }
    let deposit = challenge_deposit(terms, lot.items, set);
    desk.takes(token, deposit)?;
    desk.stores(challenge_bytes(terms, set));
    let items: Vec<_> = args.items.iter().map(ToString::to_string).collect();
    let description = format!(
        "Locks {} as a deposit and challenges the result of {} {} of lot {} of batch {}: a jury decides.",
        desk.amount(token, deposit)?,
        if items.len() == 1 { "item" } else { "items" },
        text::list(&items),
        args.lot,
        args.batch,
    );
    desk.done(calls::challenge(&args), description)
}
