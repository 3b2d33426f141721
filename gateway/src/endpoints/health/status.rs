//! `GET /status`.

use axum::{Json, extract::State};
use piecework_api::{Indexed, Reconciliation, Status};
use piecework_store::reconciliation::reconciliation_last;

use super::readyz::missing;
use crate::{app::App, clock};

/// How the gateway and its mirror are. Always 200: it is for reading, `/readyz` is for deciding.
#[utoipa::path(
    get, path = "/status", tag = "health",
    responses((status = 200, description = "The status", body = Status))
)]
pub async fn status(State(app): State<App>) -> Json<Status> {
    let missing = missing(&app).await;
    let indexed = app.feed.head().map(|head| Indexed {
        contract_id: head.stream.clone(),
        chain_id: head.chain_id.clone(),
        height: head.height,
        hash: head.hash.clone().unwrap_or_default(),
        block_at: head.timestamp_ns / 1_000_000_000,
        next_seq: head.root.seq,
        journal_head: head.root.head,
        chain_height: head.chain_height,
        lag_blocks: head.chain_height.saturating_sub(head.height),
        lag_s: clock::age(&head).as_secs(),
    });
    Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ready: missing.is_empty(),
        missing,
        indexed,
        reconciliation: reconciliation(&app).await,
        stream_clients: app.feed.clients(),
    })
}

/// The last comparison, or none where the database does not answer: `missing` says so.
async fn reconciliation(app: &App) -> Option<Reconciliation> {
    let mut db = app.reader.acquire().await.ok()?;
    reconciliation_last(&mut db).await.ok()?
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn status__should_name_block_and_lag(pool: PgPool) {
        // Given a mirror with all of its chain
        let market = Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When its status is asked for
        let body = gateway.json("/status").await;

        // Then block, lag and readiness are there
        assert_eq!((body["ready"].as_bool(), body["indexed"]["height"].as_u64()), (Some(true), Some(market.height())));
        assert_eq!(body["indexed"]["lag_blocks"], 0);
        assert!(body["reconciliation"].is_null());
    }

    #[tokio::test]
    async fn status__should_answer_without_a_database() {
        // Given a gateway whose database nobody serves
        let gateway = Gateway::start_at("postgres://nobody@127.0.0.1:1/none", &[]).await;

        // When its status is asked for
        let body = gateway.json("/status").await;

        // Then it says what is missing
        assert_eq!(body["ready"], false);
        assert_eq!(body["missing"][0], "the database does not answer");
    }
}
