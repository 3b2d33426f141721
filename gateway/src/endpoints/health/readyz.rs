//! `GET /readyz`.

use std::{collections::BTreeMap, time::Duration};

use axum::extract::State;
use piecework_store::StoreError;
use tokio::time::timeout;
use utoipa::{
    IntoResponses,
    openapi::{RefOr, Response},
};

use crate::{
    app::App,
    clock,
    problem::{Code, Problem, documented},
};

/// How long the database has to answer a probe.
const PROBE: Duration = Duration::from_secs(2);

/// Whether to send requests here: the database answers, its schema is this version's, the mirror is there and not too
/// far behind, and the process is not stopping.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, description = "Ready", body = String), NotReady)
)]
pub async fn readyz(State(app): State<App>) -> Result<&'static str, Problem> {
    let missing = missing(&app).await;
    if missing.is_empty() { Ok("ok\n") } else { Err(Problem::new(Code::NotReady, missing.join("; "))) }
}

/// What keeps the gateway from being ready.
pub async fn missing(app: &App) -> Vec<String> {
    let mut missing = Vec::new();
    if app.stopping.is_cancelled() {
        missing.push("the gateway is stopping".to_owned());
    }
    match timeout(PROBE, app.reader.schema_check()).await {
        Ok(Ok(())) => {}
        Ok(Err(error @ StoreError::Schema { .. })) => missing.push(error.to_string()),
        Ok(Err(_)) | Err(_) => missing.push("the database does not answer".to_owned()),
    }
    match app.feed.head() {
        None => missing.push("nothing is indexed yet".to_owned()),
        Some(head) => {
            let (lag, most) = (clock::age(&head).as_secs(), app.config.lag_max_s);
            if most > 0 && lag > most {
                missing.push(format!("the mirror is {lag} s behind the clock, more than {most} s"));
            }
        }
    }
    missing
}

/// What readiness can fail with.
struct NotReady;

impl IntoResponses for NotReady {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[Code::NotReady])
    }
}
