//! `GET /v1/batches/{batch}/lots/{lot}`.

use axum::extract::State;
use piecework_interface::ids::{BatchId, LotId};
use piecework_store::read::{batch::batch_get, lot::lot_list, slot::slot_list_by_lot};

use super::placed;
use crate::{
    app::App,
    endpoints::Versioned,
    extract::{LIMIT_MAX, MinHeight, Segments},
    model::{LotWithSlots, Slot},
    problem::{EntityProblems, Problem},
};

/// One lot with its slots, also before anybody claimed it and after it settled.
#[utoipa::path(
    get, path = "/v1/batches/{batch}/lots/{lot}", tag = "lots",
    params(
        ("batch" = u32, Path, description = "Number of the batch"),
        ("lot" = u32, Path, description = "Number of the lot in the batch"),
        MinHeight
    ),
    responses((status = 200, description = "The lot", body = LotWithSlots), EntityProblems)
)]
pub async fn lots_get(
    State(app): State<App>,
    Segments((batch, lot)): Segments<(u32, u32)>,
) -> Result<Versioned<LotWithSlots>, Problem> {
    let mut db = app.reader.snapshot().await?;
    let parent = batch_get(&mut db, BatchId(batch)).await?.ok_or_else(|| Problem::not_found("batch", batch))?;
    if lot >= parent.lots {
        return Err(Problem::not_found("lot", format_args!("{lot} in batch {batch}: it has {} lots", parent.lots)));
    }
    let found = lot_list(&mut db, BatchId(batch), &[LotId(lot)]).await?.into_iter().next();
    let found = found.ok_or_else(|| Problem::not_found("lot", lot))?;
    let slots = slot_list_by_lot(&mut db, BatchId(batch), LotId(lot), LIMIT_MAX).await?;
    Ok(Versioned {
        updated_seq: found.updated_seq.unwrap_or(parent.created_seq),
        body: LotWithSlots { lot: placed(&parent, found), slots: slots.into_iter().map(Slot::from).collect() },
    })
}
