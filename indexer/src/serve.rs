//! Health endpoints: `/livez`, `/readyz`, `/status`, `/metrics`.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{metrics, progress::Progress};

/// What the endpoints show.
#[derive(Clone, Debug)]
pub struct Health {
    /// Account id of the contract.
    pub contract: String,
    /// The chain's id.
    pub chain_id: String,
    /// Where the mirror stands.
    pub progress: Progress,
    /// Lag up to which the mirror is ready.
    pub lag_max_blocks: u64,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
}

impl Health {
    /// Why the mirror is not ready; empty if it is.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let now = self.progress.snapshot();
        let mut problems = Vec::new();
        if !now.caught_up {
            problems.push("the mirror has not caught up with the chain yet".to_owned());
        }
        if now.lag_blocks() > self.lag_max_blocks {
            problems.push(format!(
                "the mirror is {} blocks behind, more than {}",
                now.lag_blocks(),
                self.lag_max_blocks
            ));
        }
        if now.reconciled == Some(false) {
            problems.push("the last reconciliation found differences: run piecework-indexer reconcile".to_owned());
        }
        problems.extend(now.interrupted.map(|error| format!("interrupted: {error}")));
        problems
    }
}

/// Serves until `stop`.
///
/// # Errors
/// The listener failed.
pub async fn serve(listener: TcpListener, health: Health, stop: CancellationToken) -> std::io::Result<()> {
    let router = Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .route("/metrics", get(render_metrics))
        .with_state(health);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn readyz(State(health): State<Health>) -> impl IntoResponse {
    let problems = health.problems();
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": problems.is_empty(), "problems": problems })))
}

async fn status(State(health): State<Health>) -> Json<Value> {
    let now = health.progress.snapshot();
    let problems = health.problems();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "contract": health.contract,
        "chain_id": health.chain_id,
        "height": now.height,
        "hash": now.hash,
        "block_at": now.timestamp_ns / 1_000_000_000,
        "next_seq": now.next_seq,
        "chain_height": now.chain_height,
        "lag_blocks": now.lag_blocks(),
        "lag_s": now.lag_s(now_ns()),
        "caught_up": now.caught_up,
        "reconciled": now.reconciled,
        "interrupted": now.interrupted,
        "ready": problems.is_empty(),
        "problems": problems,
    }))
}

async fn render_metrics(State(health): State<Health>) -> String {
    metrics::observed(&health.progress.snapshot(), now_ns());
    health.metrics.render()
}

fn now_ns() -> u64 {
    // A clock before 1970 or after 2554 shows a lag of 0.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0))
}
