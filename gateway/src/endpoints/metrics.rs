//! `GET /metrics`.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    observe,
    problem::{Code, Problem},
};

/// Metrics in Prometheus' text form.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"))
)]
pub async fn metrics(state: State<App>) -> Result<Response, Problem> {
    observe::refresh(&state);
    let handle = state.metrics.as_ref();
    let handle = handle.ok_or_else(|| Problem::new(Code::NotReady, "no recorder of metrics is installed"))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response())
}
