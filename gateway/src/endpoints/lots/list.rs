//! `GET /v1/batches/{batch}/lots`.

use axum::{Json, extract::State};
use piecework_api::{Lot, LotState, Page};
use piecework_interface::ids::{BatchId, LotId};
use piecework_store::{
    batch::batch_shape_get,
    lot::{lot_list, lot_numbers_by_state},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::{Listed, MinHeight, Paging, Segments},
    problem::{EntityProblems, Problem},
};

/// Which lots.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LotListParams {
    /// Only lots in this state: `open`, `working`, `revealing`, `judging`, `provisional`, `settled` or `withdrawn`.
    #[param(value_type = Option<String>, example = "working", pattern = "^(open|working|revealing|judging|provisional|settled|withdrawn)$")]
    state: Option<LotState>,
}

const SORT: &str = "lots:lot";
/// Lots that one page looks at for open and withdrawn ones, which may have no row to find them by.
const SCAN: u32 = 20_000;

/// Lots of a batch by number, those without a claim included. With `state=open` and `state=withdrawn` a page may be short,
/// even empty, and still have a `next`.
#[utoipa::path(
    get, path = "/v1/batches/{batch}/lots", tag = "lots",
    params(("batch" = u32, Path, description = "Number of the batch"), LotListParams, Paging, MinHeight),
    responses((status = 200, description = "A page of lots", body = Page<Lot>), EntityProblems)
)]
pub async fn lots_list(
    State(app): State<App>,
    Segments(batch): Segments<u32>,
    Listed(params, paging): Listed<LotListParams>,
) -> Result<Json<Page<Lot>>, Problem> {
    let list = paging.of(SORT, (batch, params.state))?;
    let from: u32 = list.after()?.unwrap_or_default();
    let limit = list.limit;
    let mut db = app.reader.snapshot().await?;
    let found = batch_shape_get(&mut db, BatchId(batch)).await?.ok_or_else(|| Problem::not_found("batch", batch))?;
    let lots_of_batch = found.lots();
    // `until` is the first lot this page does not look at.
    let (numbers, until) = match params.state {
        None => {
            let until = from.saturating_add(limit).min(lots_of_batch);
            ((from..until).map(LotId).collect(), until)
        }
        Some(state) => {
            let scans = matches!(state, LotState::Open | LotState::Withdrawn);
            let end = if scans { from.saturating_add(SCAN).min(lots_of_batch) } else { lots_of_batch };
            let numbers = lot_numbers_by_state(&mut db, &found, state, from, end, limit).await?;
            let full = numbers.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
            let until = numbers.last().filter(|_| full).map_or(end, |last| last.0 + 1);
            (numbers, until)
        }
    };
    Ok(Json(Page {
        items: lot_list(&mut db, &found, &numbers).await?,
        next: (until < lots_of_batch).then(|| list.cursor_behind(&until)),
    }))
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;
    use serde_json::Value;

    use crate::testing::{Gateway, Market};

    fn lots(page: &Value) -> Vec<(u64, &str)> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|lot| (lot["lot"].as_u64().unwrap(), lot["state"].as_str().unwrap())).collect()
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn lots_list__should_include_lots_nobody_claimed(pool: PgPool) {
        // Given a batch of five lots, two settled, one claimed
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When its lots are paged through
        let first = gateway.json("/v1/batches/0/lots?limit=3").await;
        let next = first["next"].as_str().unwrap();
        let second = gateway.json(&format!("/v1/batches/0/lots?limit=3&cursor={next}")).await;

        // Then all five are there, the last one shorter, and the page ends
        assert_eq!(lots(&first), [(0, "settled"), (1, "settled"), (2, "working")]);
        assert_eq!(lots(&second), [(3, "open"), (4, "open")]);
        assert_eq!(second["items"][1]["items"], 2);
        assert_eq!(second["items"][1]["first_item"], 16);
        assert!(second.get("next").is_none());
        assert_eq!(first["items"][1]["settlement"]["accepted"], "0000000000000007");
        assert_eq!(first["items"][2]["reserved"], 1);
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn lots_list__should_filter_by_state(pool: PgPool) {
        // Given the same batch
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When lots of single states are asked for, one at a time
        let open = gateway.json("/v1/batches/0/lots?state=open&limit=1").await;
        let next = open["next"].as_str().unwrap();
        let more = gateway.json(&format!("/v1/batches/0/lots?state=open&limit=1&cursor={next}")).await;
        let working = gateway.json("/v1/batches/0/lots?state=working").await;

        // Then each page has only those
        assert_eq!((lots(&open), lots(&more)), (vec![(3, "open")], vec![(4, "open")]));
        assert_eq!(lots(&working), [(2, "working")]);
        assert_eq!(gateway.problem("/v1/batches/9/lots").await, (404, "not-found".to_owned()));
    }
}
