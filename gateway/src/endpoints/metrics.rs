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

#[cfg(test)]
mod tests {
    use crate::{observe, testing::Gateway};

    #[tokio::test]
    async fn metrics__should_count_by_route_template() {
        // Given a gateway with a recorder and a request that failed
        let metrics = observe::install().unwrap();
        let gateway = Gateway::start_with_metrics("postgres://nobody@127.0.0.1:1/none", metrics).await;
        gateway.get("/v1/batches/7").await;

        // When the metrics are asked for
        let text = gateway.get("/metrics").await.text().await.unwrap();

        // Then the request is counted under its template, not its path
        let line =
            r#"piecework_gateway_http_request_seconds_count{method="GET",route="/v1/batches/{batch}",status="503"} 1"#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains("piecework_gateway_stream_clients 0"), "{text}");
    }
}
