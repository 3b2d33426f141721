//! What an operator sees: a histogram of answers by route, what is in flight, pool, streams, lag.

use std::time::Instant;

use anyhow::Context as _;
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use piecework_daemon::{PrometheusHandle, gauge};

use crate::{app::App, clock};

const SECONDS: &str = "piecework_gateway_http_request_seconds";
const IN_FLIGHT: &str = "piecework_gateway_http_requests_in_flight";
const BUCKETS: &[f64] = &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Installs the process's recorder. Call it once, before the first metric.
///
/// # Errors
/// A recorder is installed already.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let handle = piecework_daemon::recorder(BUCKETS).context("metrics cannot be recorded")?;
    metrics::describe_histogram!(
        SECONDS,
        metrics::Unit::Seconds,
        "Time until the head of an answer, by route template"
    );
    metrics::describe_gauge!(IN_FLIGHT, "Requests being answered, streams not counted");
    metrics::describe_counter!("piecework_gateway_stream_closed_total", "Streams the gateway closed, by reason");
    metrics::describe_gauge!("piecework_gateway_stream_clients", "Open streams");
    metrics::describe_gauge!("piecework_gateway_stream_buffer_lines", "Journal lines in memory");
    metrics::describe_gauge!("piecework_gateway_db_connections", "Connections to Postgres, by state");
    metrics::describe_gauge!("piecework_gateway_indexed_height", "Height of the mirror");
    metrics::describe_gauge!("piecework_gateway_indexed_seq", "Journal lines in the mirror");
    metrics::describe_gauge!(
        "piecework_gateway_indexed_lag_seconds",
        metrics::Unit::Seconds,
        "Age of the mirror's last block"
    );
    Ok(handle)
}

/// Measures a request.
pub async fn measure(request: Request, next: Next) -> Response {
    let method = request.method().as_str().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let in_flight = InFlight::enter();
    let began = Instant::now();
    let response = next.run(request).await;
    drop(in_flight);
    let status = response.status().as_u16().to_string();
    metrics::histogram!(SECONDS, "method" => method, "route" => route, "status" => status).record(began.elapsed());
    response
}

/// Counts a request until it is answered, or its client goes away.
struct InFlight;

impl InFlight {
    fn enter() -> Self {
        metrics::gauge!(IN_FLIGHT).increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!(IN_FLIGHT).decrement(1.0);
    }
}

/// Sets the gauges that are read off the state when somebody asks.
pub fn refresh(State(app): &State<App>) {
    let (open, used) = app.reader.connections();
    metrics::gauge!("piecework_gateway_db_connections", "state" => "used").set(f64::from(used));
    metrics::gauge!("piecework_gateway_db_connections", "state" => "idle").set(f64::from(open - used));
    metrics::gauge!("piecework_gateway_stream_clients").set(gauge(app.feed.clients()));
    metrics::gauge!("piecework_gateway_stream_buffer_lines").set(gauge(app.feed.lines()));
    if let Some(head) = app.feed.head() {
        metrics::gauge!("piecework_gateway_indexed_height").set(gauge(head.height));
        metrics::gauge!("piecework_gateway_indexed_seq").set(gauge(head.root.seq));
        metrics::gauge!("piecework_gateway_indexed_lag_seconds").set(clock::age(&head).as_secs_f64());
    }
}
