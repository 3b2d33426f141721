//! Health endpoints: `/livez`, `/readyz`, `/status`, `/metrics`.

use std::time::Duration;

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, time::sleep};
use tokio_util::sync::CancellationToken;

/// How long requests under way may take once the service stops.
const GRACE: Duration = Duration::from_secs(1);

/// A service's account of itself.
pub trait Health: Clone + Send + Sync + 'static {
    /// Why the service is not ready; empty if it is.
    fn problems(&self) -> Vec<String>;

    /// What `/status` shows beside `ready` and `problems`.
    fn status(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Brings gauges up to date before they are shown.
    fn observe(&self) {}
}

/// The endpoints of a service.
pub fn router<H: Health>(health: H, metrics: PrometheusHandle) -> Router {
    let render = async move |State(health): State<H>| {
        health.observe();
        metrics.render()
    };
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz::<H>))
        .route("/status", get(status::<H>))
        .route("/metrics", get(render))
        .with_state(health)
}

/// Serves them until `stop`. Requests under way have a second from then on, so that a client that never ends its request
/// holds up nothing.
///
/// # Errors
/// The listener failed.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> std::io::Result<()> {
    let server =
        axum::serve(listener, router.into_make_service()).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        served = server => served,
        () = async { stop.cancelled().await; sleep(GRACE).await } => Ok(()),
    }
}

async fn readyz<H: Health>(State(health): State<H>) -> impl IntoResponse {
    let problems = health.problems();
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness(&problems)))
}

async fn status<H: Health>(State(health): State<H>) -> Json<Value> {
    let mut status = health.status();
    if let Value::Object(readiness) = readiness(&health.problems()) {
        status.extend(readiness);
    }
    Json(Value::Object(status))
}

fn readiness(problems: &[String]) -> Value {
    json!({ "ready": problems.is_empty(), "problems": problems })
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[derive(Clone)]
    struct Service(Vec<String>);

    impl Health for Service {
        fn problems(&self) -> Vec<String> {
            self.0.clone()
        }

        fn status(&self) -> Map<String, Value> {
            Map::from_iter([("height".to_owned(), 7.into())])
        }
    }

    #[tokio::test]
    async fn endpoints__should_say_whether_the_service_is_ready_and_why_not() {
        for (problems, code) in [(vec![], 200), (vec!["the chain does not answer".to_owned()], 503)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let metrics = PrometheusBuilder::new().build_recorder().handle();
            let stop = CancellationToken::new();
            let server = tokio::spawn(serve(listener, router(Service(problems.clone()), metrics), stop.clone()));
            let get = async |path: &str| reqwest::get(format!("{url}{path}")).await.unwrap();

            assert_eq!(get("/livez").await.status(), 200);
            let ready = get("/readyz").await;
            assert_eq!(ready.status(), code);
            let ready: Value = ready.json().await.unwrap();
            assert_eq!(ready, json!({"ready": problems.is_empty(), "problems": problems}));
            let status: Value = get("/status").await.json().await.unwrap();
            assert_eq!(status, json!({"height": 7, "ready": problems.is_empty(), "problems": problems}));
            assert_eq!(get("/metrics").await.status(), 200);
            // A request without an end holds up nothing.
            let mut half = tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
            half.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
            stop.cancel();
            server.await.unwrap().unwrap();
        }
    }
}
