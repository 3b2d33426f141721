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

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn readyz__should_be_ready_with_a_mirror(pool: PgPool) {
        // Given a mirror
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When it is probed
        let response = gateway.get("/readyz").await;

        // Then it is ready
        assert_eq!(response.status(), 200);
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn readyz__should_fail_on_lag_and_on_an_empty_mirror(pool: PgPool) {
        // Given an empty mirror, then one in the past
        let gateway = Gateway::start_at(&url(&pool), &["--lag-max-s", "1"]).await;
        let empty = gateway.get("/readyz").await.text().await.unwrap();
        let mut market = Market::open(&pool, 1).await;
        market.rewind();
        market.commit().await;
        gateway.catch_up(&market).await;

        // When it is probed
        let late = gateway.get("/readyz").await;

        // Then both say what is missing
        assert!(empty.contains("nothing is indexed yet"), "{empty}");
        assert_eq!(late.status(), 503);
        let late = late.text().await.unwrap();
        assert!(late.contains("behind the clock"), "{late}");
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn readyz__should_fail_on_another_schema(pool: PgPool) {
        // Given a database that a newer version has migrated
        Market::with_work(&pool).await;
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'newer', true, '', 0)";
        sqlx::query(newer).execute(&pool).await.unwrap();
        let gateway = Gateway::start(&pool).await;

        // When it is probed
        let problem = gateway.problem("/readyz").await;

        // Then it is not ready
        assert_eq!(problem, (503, "not-ready".to_owned()));
    }

    #[tokio::test]
    async fn readyz__should_fail_without_a_database() {
        // Given a gateway whose database nobody serves
        let gateway = Gateway::start_at("postgres://nobody@127.0.0.1:1/none", &[]).await;

        // When it and the mirror are asked
        let probe = gateway.get("/readyz").await;
        let retry = probe.headers()["retry-after"].clone();
        let mirror = gateway.problem("/v1/batches").await;

        // Then both say that they are not ready, and when to come back
        assert_eq!((probe.status().as_u16(), retry.to_str().unwrap()), (503, "2"));
        assert_eq!(mirror, (503, "not-ready".to_owned()));
    }

    fn url(pool: &PgPool) -> String {
        use sqlx::ConnectOptions as _;
        pool.connect_options().to_url_lossy().to_string()
    }
}
