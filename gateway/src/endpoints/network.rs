//! `GET /v1/network`.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use piecework_api::Network;
use piecework_store::cursor::Cursor;

use crate::{
    app::App,
    extract::MinHeight,
    indexed::tag,
    problem::{MirrorProblems, Problem},
};

/// The market in numbers: nodes, stake, batches, items, money per token.
#[utoipa::path(
    get, path = "/v1/network", tag = "network",
    params(MinHeight),
    responses((status = 200, description = "The market", body = Network), MirrorProblems)
)]
pub async fn network(State(app): State<App>, Extension(head): Extension<Arc<Cursor>>) -> Result<Response, Problem> {
    let network = app.figures.at(&app.reader, &head).await?;
    Ok(([(header::ETAG, tag("h", network.height))], Json(&*network)).into_response())
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;
    use serde_json::json;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn network__should_sum_the_market(pool: PgPool) {
        // Given a market with work
        let market = Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When it is asked for
        let body = gateway.json("/v1/network").await;

        // Then every sum follows from the rows
        assert_eq!(body["contract_id"], "market.near");
        assert_eq!(body["next_seq"], market.seq());
        assert_eq!(body["nodes"]["active"], 3);
        assert_eq!(body["nodes"]["active_tickets"], 6);
        assert_eq!(body["nodes"]["stake"], "60000000000000000000000000");
        assert_eq!(body["batches"], json!({"open": 1, "cancelled": 0, "closed": 0}));
        assert_eq!(
            body["lots"],
            json!({"working": 1, "revealing": 0, "judging": 0, "provisional": 0, "settled": 2, "withdrawn": 0})
        );
        assert_eq!(body["items"]["settled"], 8);
        assert_eq!(body["items"]["accepted"], 7);
        // The second waited for an extension that no node joined.
        assert_eq!((&body["items"]["last_minute"], &body["items"]["last_five_minutes"]), (&json!(4), &json!(8)));
        assert_eq!(body["tokens"][1]["paid"], "1500");
        // 18 items for two nodes and three of an extension at 100, and a fee of 2 %, less what is paid
        assert_eq!(body["tokens"][1]["escrow"], "7680");
        // Burnt for the class
        assert_eq!(body["burnt"], "1000000000000000000000000");
    }
}
