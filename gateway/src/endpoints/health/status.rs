//! `GET /status`.

use axum::{Json, extract::State};
use piecework_store::read::reconciliation::reconciliation_last;
use serde::Serialize;
use utoipa::ToSchema;

use super::readyz::missing;
use crate::{app::App, clock};

/// How the gateway and its mirror are.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Status {
    /// Version of the gateway.
    pub version: &'static str,
    /// Whether `/readyz` answers 200.
    pub ready: bool,
    /// What keeps it from being ready.
    pub missing: Vec<String>,
    /// The mirror; absent before its first block.
    pub indexed: Option<Indexed>,
    /// The last comparison of the mirror with the contract's views.
    pub reconciliation: Option<Reconciliation>,
    /// Stream clients.
    pub stream_clients: usize,
}

/// Where the mirror stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Indexed {
    /// Account id of the mirrored contract.
    pub contract_id: String,
    /// Chain.
    pub chain_id: String,
    /// Height of the last block.
    pub height: u64,
    /// Its hash, base58.
    pub hash: String,
    /// Its time, Unix seconds.
    pub block_at: u64,
    /// Journal lines.
    pub next_seq: u64,
    /// `sha256(head ‖ line)` over all of them, hex.
    pub journal_head: String,
    /// Final height of the chain when the block was applied.
    pub chain_height: u64,
    /// Blocks the mirror was behind then.
    pub lag_blocks: u64,
    /// Age of the block, seconds.
    pub lag_s: u64,
}

/// A comparison of the mirror with the contract's views.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Reconciliation {
    /// Mirror equal, journal verified and money conserved.
    pub ok: bool,
    /// Block at which both sides were read.
    pub height: u64,
    /// Its time, Unix seconds.
    pub block_at: u32,
    /// Rows compared.
    pub rows: u64,
    /// Rows that differ or exist on one side only.
    pub mismatches: u64,
}

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
        journal_head: hex::encode(head.root.head),
        chain_height: head.chain_height,
        lag_blocks: head.chain_height.saturating_sub(head.height),
        lag_s: clock::age(&head).as_secs(),
    });
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
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
    let last = reconciliation_last(&mut db).await.ok()??;
    Some(Reconciliation {
        ok: last.ok,
        height: last.height,
        block_at: last.block_at,
        rows: last.rows,
        mismatches: last.mismatches,
    })
}

#[cfg(test)]
#[allow(non_snake_case)]
mod tests {
    use piecework_store::PgPool;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn status__should_name_block_and_lag(pool: PgPool) {
        // Given a mirror one block behind its chain
        let market = Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When its status is asked for
        let body = gateway.json("/status").await;

        // Then block, lag and readiness are there
        assert_eq!((body["ready"].as_bool(), body["indexed"]["height"].as_u64()), (Some(true), Some(market.height())));
        assert_eq!(body["indexed"]["lag_blocks"], 1);
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
