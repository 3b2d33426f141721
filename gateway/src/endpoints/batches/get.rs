//! `GET /v1/batches/{batch}`.

use axum::extract::State;
use piecework_api::Batch;
use piecework_interface::ids::BatchId;
use piecework_store::batch::batch_get;

use crate::{
    app::App,
    endpoints::Versioned,
    extract::{MinHeight, Segments},
    problem::{EntityProblems, Problem},
};

/// One batch, also after it closed.
#[utoipa::path(
    get, path = "/v1/batches/{batch}", tag = "batches",
    params(("batch" = u32, Path, description = "Number of the batch"), MinHeight),
    responses((status = 200, description = "The batch", body = Batch), EntityProblems)
)]
pub async fn batches_get(State(app): State<App>, Segments(batch): Segments<u32>) -> Result<Versioned<Batch>, Problem> {
    let mut db = app.reader.acquire().await?;
    let found = batch_get(&mut db, BatchId(batch)).await?.ok_or_else(|| Problem::not_found("batch", batch))?;
    Ok(Versioned { updated_seq: found.updated_seq, body: found })
}

#[cfg(test)]
mod tests {
    use piecework_interface::ids::{AccountNo, BatchId, LotId};
    use piecework_store::PgPool;
    use serde_json::json;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn batches_get__should_answer_terms_counts_and_names(pool: PgPool) {
        // Given a batch of five lots, two settled, one claimed
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When it is asked for
        let body = gateway.json("/v1/batches/0").await;

        // Then terms are the contract's and counts follow from the lots
        assert_eq!(body["status"], "open");
        assert_eq!(body["requester_id"], "requester.test.near");
        assert_eq!(body["terms"]["reward"], "100");
        assert_eq!(body["terms"]["verification"], "consensus");
        assert_eq!(body["progress"]["draws"][0]["seeded"]["tickets"], 6);
        assert_eq!(body["lots"], 5);
        let counts = json!({
            "open_lots": 2, "working_lots": 1, "revealing_lots": 0, "provisional_lots": 0, "judging_lots": 0, "settled_lots": 2,
            "withdrawn_lots": 0, "extended_lots": 1, "settled_items": 8, "withdrawn_items": 0, "accepted_items": 7, "unresolved_items": 1,
            "contested_lots": 0, "upheld_lots": 0
        });
        assert_eq!(body["counts"], counts);
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn batches_get__should_answer_304_until_the_batch_changes(pool: PgPool) {
        // Given a client that has the batch
        let mut market = Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;
        let etag = gateway.get("/v1/batches/0").await.headers()["etag"].clone();
        let ask = || async {
            let request =
                gateway.http.get(format!("{}/v1/batches/0", gateway.url)).header("if-none-match", etag.clone());
            request.send().await.unwrap()
        };

        // When another batch is posted, then this one is worked on
        market.post(4);
        market.commit().await;
        gateway.catch_up(&market).await;
        let unchanged = ask().await;
        market.claim(BatchId(0), LotId(3), AccountNo(1));
        market.commit().await;
        gateway.catch_up(&market).await;
        let changed = ask().await;

        // Then only the second sends it again, and both say how far the mirror is
        assert_eq!((unchanged.status().as_u16(), changed.status().as_u16()), (304, 200));
        assert_eq!(unchanged.headers()["etag"], etag);
        assert_ne!(changed.headers()["etag"], etag);
        assert_eq!(changed.headers()["x-indexed-height"], market.height().to_string().as_str());
        assert_eq!(changed.headers()["x-indexed-seq"], market.seq().to_string().as_str());
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn batches_get__should_tell_missing_from_malformed(pool: PgPool) {
        // Given a market without batch 7
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When it and nonsense are asked for
        let missing = gateway.problem("/v1/batches/7").await;
        let malformed = gateway.problem("/v1/batches/seven").await;
        let too_large = gateway.problem("/v1/batches/4294967296").await;

        // Then the first is not found and the others are malformed
        assert_eq!(missing, (404, "not-found".to_owned()));
        assert_eq!(malformed, (400, "bad-request".to_owned()));
        assert_eq!(too_large, (400, "bad-request".to_owned()));
    }
}
