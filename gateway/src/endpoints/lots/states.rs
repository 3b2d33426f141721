//! `GET /v1/batches/{batch}/lot-states`.

use axum::{Json, extract::State};
use piecework_api::{LotState, LotStates};
use piecework_interface::{ids::BatchId, terms::JURY};
use piecework_store::{
    batch::{BatchShape, batch_shape_get},
    lot::{LotMark, lot_mark_list},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::{MinHeight, Params, Segments},
    problem::{EntityProblems, Problem},
};

/// Which lots.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LotStatesParams {
    /// First lot; default 0.
    from: Option<u32>,
    /// Lots, 1..=10000; default 10000.
    #[param(minimum = 1, maximum = 10000)]
    limit: Option<u32>,
}

const LOTS_MAX: u32 = 10_000;

/// The states of many lots, one letter each.
#[utoipa::path(
    get, path = "/v1/batches/{batch}/lot-states", tag = "lots",
    params(("batch" = u32, Path, description = "Number of the batch"), LotStatesParams, MinHeight),
    responses((status = 200, description = "The states", body = LotStates), EntityProblems)
)]
pub async fn lots_states(
    State(app): State<App>,
    Segments(batch): Segments<u32>,
    Params(params): Params<LotStatesParams>,
) -> Result<Json<LotStates>, Problem> {
    let limit = crate::extract::page_limit(Some(params.limit.unwrap_or(LOTS_MAX)), LOTS_MAX)?;
    let mut db = app.reader.snapshot().await?;
    let found = batch_shape_get(&mut db, BatchId(batch)).await?.ok_or_else(|| Problem::not_found("batch", batch))?;
    let from = params.from.unwrap_or_default().min(found.lots());
    let until = from.saturating_add(limit).min(found.lots());
    let marks = lot_mark_list(&mut db, BatchId(batch), from, until).await?;
    Ok(Json(LotStates { batch: found.batch, from, lots: found.lots(), states: letters(&found, from, until, &marks) }))
}

fn letters(batch: &BatchShape, from: u32, until: u32, marks: &[LotMark]) -> String {
    let mut marks = marks.iter().peekable();
    (from..until)
        .map(|lot| match marks.next_if(|mark| mark.lot.0 == lot) {
            Some(mark) => letter(batch, mark),
            None => 'o',
        })
        .collect()
}

fn letter(batch: &BatchShape, mark: &LotMark) -> char {
    let items = batch.lot_items(mark.lot);
    match mark.state {
        LotState::Open => 'o',
        LotState::Working | LotState::Revealing if mark.round == JURY => 'j',
        LotState::Working if mark.round == 0 => 'w',
        LotState::Working => 'x',
        LotState::Revealing => 'r',
        LotState::Provisional => 'p',
        LotState::Judging => 'v',
        LotState::Settled if mark.accepted.count_ones() == u32::from(items) => 's',
        LotState::Settled => 'u',
    }
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn lots_states__should_be_one_letter_per_lot(pool: PgPool) {
        // Given lots settled, settled in part, claimed and open
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When all and some are asked for
        let all = gateway.json("/v1/batches/0/lot-states").await;
        let some = gateway.json("/v1/batches/0/lot-states?from=1&limit=2").await;
        let none = gateway.json("/v1/batches/0/lot-states?from=99").await;

        // Then each lot has its letter
        assert_eq!((all["states"].as_str(), all["lots"].as_u64()), (Some("suwoo"), Some(5)));
        assert_eq!((some["states"].as_str(), some["from"].as_u64()), (Some("uw"), Some(1)));
        assert_eq!(none["states"], "");
    }
}
