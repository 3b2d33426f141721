//! `GET /v1/batches/{batch}/lot-states`.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use piecework_api::{LotState, LotStates};
use piecework_interface::{ids::BatchId, terms::JURY};
use piecework_store::{
    batch::{BatchShape, batch_shape_get},
    lot::{LotMark, lot_mark_list, lot_mark_totals},
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
    let marks = lot_mark_list(&mut db, &found, from, until).await?;
    let totals = totals(&found, &lot_mark_totals(&mut db, &found).await?);
    let states = letters(&found, from, until, &marks);
    Ok(Json(LotStates { batch: found.batch, from, lots: found.lots(), states, totals }))
}

/// The letter of a lot without a row.
const fn unclaimed(batch: &BatchShape) -> char {
    if batch.is_open { 'o' } else { 'n' }
}

fn letters(batch: &BatchShape, from: u32, until: u32, marks: &[LotMark]) -> String {
    let mut marks = marks.iter().peekable();
    let letter = |lot| marks.next_if(|mark| mark.lot.0 == lot).map_or_else(|| unclaimed(batch), letter);
    (from..until).map(letter).collect()
}

fn totals(batch: &BatchShape, marks: &[(LotMark, u32)]) -> BTreeMap<char, u32> {
    let mut totals = BTreeMap::new();
    let begun: u32 = marks.iter().map(|(_, lots)| lots).sum();
    let rest = [(unclaimed(batch), batch.lots().saturating_sub(begun))];
    for (letter, lots) in
        marks.iter().map(|(mark, lots)| (letter(mark), *lots)).chain(rest).filter(|(_, lots)| *lots > 0)
    {
        *totals.entry(letter).or_default() += lots;
    }
    totals
}

const fn letter(mark: &LotMark) -> char {
    match mark.state {
        LotState::Open => 'o',
        LotState::Working | LotState::Revealing if mark.round == JURY => 'j',
        LotState::Working if mark.round == 0 => 'w',
        LotState::Working => 'x',
        LotState::Revealing => 'r',
        LotState::Provisional => 'p',
        LotState::Judging => 'v',
        LotState::Settled if mark.is_whole => 's',
        LotState::Settled => 'u',
        LotState::Withdrawn => 'n',
    }
}

#[cfg(test)]
mod tests {
    use piecework_interface::ids::BatchId;
    use piecework_store::PgPool;
    use serde_json::{Value, json};

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

        // And the totals are the whole batch's, whatever part is asked for
        for page in [all, some, none] {
            assert_eq!(page["totals"], json!({ "o": 2, "s": 1, "u": 1, "w": 1 }));
        }
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn lots_states__should_show_withdrawn_lots(pool: PgPool) {
        // Given a batch of five lots whose fourth is skipped, then cancelled
        let mut market = Market::with_work(&pool).await;
        market.skip(BatchId(0), &[3]);
        market.commit().await;
        let gateway = Gateway::start(&pool).await;
        let skipped = gateway.json("/v1/batches/0/lot-states").await;
        market.cancel(BatchId(0));
        market.commit().await;
        gateway.catch_up(&market).await;

        // When its lots are asked for
        let states = gateway.json("/v1/batches/0/lot-states").await;
        let lots = gateway.json("/v1/batches/0/lots?state=withdrawn").await;
        let settled = gateway.json("/v1/batches/0/lots?state=settled").await;
        let [third, fourth] = ["/v1/batches/0/lots/3", "/v1/batches/0/lots/4"];
        let [third, fourth] = [gateway.json(third).await, gateway.json(fourth).await];

        // Then neither the skipped lot nor that without a claim is settled or open
        assert_eq!((&skipped["states"], &states["states"]), (&json!("suwno"), &json!("suwnn")));
        assert_eq!(states["totals"], json!({ "n": 2, "s": 1, "u": 1, "w": 1 }));
        assert_eq!((&third["state"], &fourth["state"]), (&json!("withdrawn"), &json!("withdrawn")));
        let numbers =
            |page: &Value| page["items"].as_array().unwrap().iter().map(|lot| lot["lot"].as_u64().unwrap()).collect();
        assert_eq!((numbers(&lots), numbers(&settled)), (vec![3, 4], vec![0, 1]));
        assert_eq!(gateway.json("/v1/batches/0/lots?state=open").await["items"], json!([]));

        // And the batch, its results and the market count them apart
        let counts = &gateway.json("/v1/batches/0").await["counts"];
        assert_eq!(
            (&counts["settled_lots"], &counts["withdrawn_lots"], &counts["open_lots"]),
            (&json!(2), &json!(2), &json!(0))
        );
        assert_eq!((&counts["settled_items"], &counts["withdrawn_items"]), (&json!(8), &json!(6)));
        let results = gateway.json("/v1/batches/0/results").await;
        let withdrawn: Vec<_> = results["items"].as_array().unwrap().iter().map(|lot| &lot["withdrawn"]).collect();
        assert_eq!(withdrawn, [&json!(false), &json!(false), &json!(true)]);
        let network = gateway.json("/v1/network").await;
        assert_eq!((&network["items"]["settled"], &network["items"]["accepted"]), (&json!(8), &json!(7)));
        assert_eq!((&network["lots"]["settled"], &network["lots"]["withdrawn"]), (&json!(2), &json!(1)));
    }
}
