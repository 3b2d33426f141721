//! What every request passes, from the outside in: request id, trace, measure, CORS, problem bodies, panics. Groups of
//! routes add limits of their own.

use std::{any::Any, time::Duration};

use axum::{
    BoxError, Router,
    body::Body,
    error_handling::HandleErrorLayer,
    extract::Request,
    http::{HeaderName, Method, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use tower::{ServiceBuilder, limit::GlobalConcurrencyLimitLayer, load_shed::LoadShedLayer, timeout::TimeoutLayer};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{Any as AnyOrigin, CorsLayer},
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    trace::{DefaultOnFailure, DefaultOnResponse, TraceLayer},
};
use tracing::Level;

use crate::{
    indexed::{INDEXED_HASH, INDEXED_HEIGHT, INDEXED_SEQ},
    observe,
    problem::{Code, PROBLEM_JSON, Problem},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What all routes share.
pub fn around(router: Router) -> Router {
    router
        .layer(from_fn(problem_bodies))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors())
        .layer(from_fn(observe::measure))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_response(DefaultOnResponse::new().level(Level::DEBUG))
                // Failures are logged where they happen, with their cause.
                .on_failure(DefaultOnFailure::new().level(Level::DEBUG)),
        )
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
}

/// Limits of a group of routes: at most `requests_max` requests at once, and a time for each. Applied with
/// [`Limits::guard`].
#[derive(Clone, Debug)]
pub struct Limits {
    concurrency: GlobalConcurrencyLimitLayer,
}

impl Limits {
    /// Limits for at most `requests_max` requests at once.
    #[must_use]
    pub fn new(requests_max: usize) -> Self {
        Self { concurrency: GlobalConcurrencyLimitLayer::new(requests_max) }
    }

    /// Puts the limits around routes.
    pub fn guard<S: Clone + Send + Sync + 'static>(&self, router: Router<S>, timeout: Duration) -> Router<S> {
        router.layer(
            ServiceBuilder::new()
                .layer(HandleErrorLayer::new(limit_problem))
                .layer(LoadShedLayer::new())
                .layer(self.concurrency.clone())
                .layer(TimeoutLayer::new(timeout)),
        )
    }
}

async fn limit_problem(method: Method, error: BoxError) -> Problem {
    if !error.is::<tower::timeout::error::Elapsed>() {
        return Problem::new(Code::Overloaded, "too many requests are being answered");
    }
    match method {
        Method::PUT | Method::POST => Problem::new(Code::SlowBody, "the body did not arrive in time"),
        _ => Problem::new(Code::Timeout, "the answer was not ready in time"),
    }
}

/// Any origin may read, store blobs, publish gold and see what a page needs to go on: there are no cookies here.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AnyOrigin)
        .allow_methods([Method::GET, Method::HEAD, Method::PUT, Method::POST])
        .allow_headers(AnyOrigin)
        .expose_headers([header::ETAG, header::RETRY_AFTER, REQUEST_ID, INDEXED_HEIGHT, INDEXED_SEQ, INDEXED_HASH])
        .max_age(Duration::from_secs(3_600))
}

fn span(request: &Request) -> tracing::Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    tracing::info_span!("http", method = %request.method(), path = request.uri().path(), request_id = id)
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text, "a handler panicked");
    Problem::new(Code::Internal, "the cause is in the gateway's log under the request id").into_response()
}

/// Gives errors that come from libraries (wrong method, unknown path, unsatisfiable range) a body like every other,
/// and keeps their headers.
async fn problem_bodies(request: Request, next: Next) -> Response {
    let call = format!("{} {}", request.method(), request.uri().path());
    let is_head = request.method() == Method::HEAD;
    let response = next.run(request).await;
    let status = response.status();
    let media = response.headers().get(header::CONTENT_TYPE);
    if !(status.is_client_error() || status.is_server_error()) || media.is_some_and(|media| media == PROBLEM_JSON) {
        return response;
    }
    let mut problem = Problem::of_status(status, format!("{call} is answered with {status}")).into_response();
    *problem.status_mut() = status;
    for (name, value) in response.headers() {
        if !problem.headers().contains_key(name) && *name != header::CONTENT_LENGTH {
            problem.headers_mut().append(name, value.clone());
        }
    }
    if is_head {
        *problem.body_mut() = Body::empty();
    }
    problem
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use axum::{Router, routing::get};
    use tokio::{net::TcpListener, sync::Notify};

    use super::{Limits, around};
    use crate::testing::problem;

    async fn serve(router: Router) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        url
    }

    async fn never() -> &'static str {
        core::future::pending().await
    }

    async fn boom() -> &'static str {
        panic!("a bug")
    }

    #[tokio::test]
    async fn around__should_turn_a_panic_into_a_problem_without_its_text() {
        // Given a handler with a bug
        let url = serve(around(Router::new().route("/boom", get(boom)))).await;

        // When it is called
        let response = reqwest::get(format!("{url}/boom")).await.unwrap();

        // Then the caller learns that it happened, and where to look it up
        assert!(response.headers().contains_key("x-request-id"));
        assert_eq!(problem(response).await, (500, "internal".to_owned()));
    }

    #[tokio::test]
    async fn guard__should_answer_504_when_a_handler_takes_too_long() {
        // Given a handler that never answers
        let limits = Limits::new(10);
        let url = serve(around(limits.guard(Router::new().route("/", get(never)), Duration::from_millis(50)))).await;

        // When it is called
        let response = reqwest::get(url).await.unwrap();

        // Then the call is given up
        assert_eq!(problem(response).await, (504, "timeout".to_owned()));
    }

    #[tokio::test]
    async fn guard__should_shed_what_exceeds_the_limit_and_recover() {
        // Given one place, taken by a request that waits
        let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let wait = {
            let (entered, leave) = (Arc::clone(&entered), Arc::clone(&leave));
            async move || {
                entered.notify_one();
                leave.notified().await;
                "done"
            }
        };
        let limits = Limits::new(1);
        let router = Router::new().route("/wait", get(wait)).route("/", get(async || "free"));
        let url = serve(around(limits.guard(router, Duration::from_secs(30)))).await;
        let first = tokio::spawn(reqwest::get(format!("{url}/wait")));
        entered.notified().await;

        // When another comes, and again after the first was answered
        let shed = reqwest::get(url.clone()).await.unwrap();
        leave.notify_one();
        first.await.unwrap().unwrap();
        let free = reqwest::get(url).await.unwrap();

        // Then it is refused at once, then answered
        assert_eq!(problem(shed).await, (503, "overloaded".to_owned()));
        assert_eq!(free.status(), 200);
    }
}
