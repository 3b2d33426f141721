//! `GET /v1/stakes`.

use axum::{Json, extract::State};
use piecework_api::{Page, StakeSpan};
use piecework_interface::ids::AccountNo;
use piecework_store::stake::stake_span_list;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::{Listed, MinHeight, Paging},
    problem::{MirrorProblems, Problem},
};

/// Which part of the journal.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StakeListParams {
    /// Number of the range's first line.
    from_seq: u64,
    /// Number of the first line behind the range.
    until_seq: u64,
}

const SORT: &str = "stakes:account";

/// The least stake that each node held throughout a range of the journal, and its operators in it, in order of their accounts'
/// registration. Nodes that were registered after the range are left out.
#[utoipa::path(
    get, path = "/v1/stakes", tag = "nodes",
    params(StakeListParams, Paging, MinHeight),
    responses((status = 200, description = "A page of nodes", body = Page<StakeSpan>), MirrorProblems)
)]
pub async fn stakes_list(
    State(app): State<App>,
    Listed(params, paging): Listed<StakeListParams>,
) -> Result<Json<Page<StakeSpan>>, Problem> {
    let list = paging.of(SORT, (params.from_seq, params.until_seq))?;
    let after = list.after()?.map(AccountNo);
    let mut db = app.reader.acquire().await?;
    let rows = stake_span_list(&mut db, list.filter, after, list.rows()).await?;
    Ok(Json(list.cut(rows, |span| span.account.0)))
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;
    use serde_json::{Value, json};

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn stakes_list__should_tell_what_nodes_held_throughout(pool: PgPool) {
        // Given three nodes with 20 NEAR each, of which the second takes 5 NEAR out and the third names an operator
        let mut market = Market::open(&pool, 3).await;
        let begun = market.seq();
        market.unstake(2, 5);
        market.name_operator(3, 1);
        market.commit().await;
        let gateway = Gateway::start(&pool).await;
        let spans = async |from: u64, until: u64| -> Vec<Value> {
            let page = gateway.json(&format!("/v1/stakes?from_seq={from}&until_seq={until}")).await;
            page["items"].as_array().unwrap().clone()
        };
        let least =
            |rows: &[Value]| rows.iter().map(|row| row["least"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let near = |amount: u32| format!("{amount}{}", "0".repeat(24));

        // When ranges are asked for that begin before, with and after these lines
        let (registering, all, after) =
            (spans(0, begun).await, spans(begun, 1_000).await, spans(market.seq(), 1_000).await);

        // Then who was registered within held nothing throughout, and what was taken out did not count before either
        assert_eq!(least(&registering), ["0", "0", "0"]);
        assert_eq!(least(&all), [near(20), near(15), near(20)]);
        assert_eq!(least(&after), [near(20), near(15), near(20)]);
        let operator = &all[0]["account"];
        assert_eq!(
            all.iter().map(|row| row["operators"].clone()).collect::<Vec<_>>(),
            [json!([]), json!([]), json!([operator])]
        );

        // And before they were registered there are none
        assert!(spans(0, 1).await.is_empty());
        assert_eq!(gateway.problem("/v1/stakes?from_seq=0").await, (400, "bad-request".to_owned()));
    }
}
