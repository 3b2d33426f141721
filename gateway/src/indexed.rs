//! What every answer from the mirror has in common: it waits for `min_height`, says how far the mirror is, and is not
//! sent again to a client that has it.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use piecework_store::cursor::Cursor;
use tokio::time::timeout;

use crate::{
    app::App,
    extract::MinHeight,
    problem::{Code, Problem},
};

/// How long a request waits for its block.
const WAIT: Duration = Duration::from_secs(2);

/// Height of the last block that the answer takes into account; it may see a later one too.
pub const INDEXED_HEIGHT: HeaderName = HeaderName::from_static("x-indexed-height");
/// Journal lines up to there: the number of the next line, to be used as `since_seq`.
pub const INDEXED_SEQ: HeaderName = HeaderName::from_static("x-indexed-seq");
/// Hash of that block.
pub const INDEXED_HASH: HeaderName = HeaderName::from_static("x-indexed-hash");

/// The middleware.
pub async fn indexed(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let head = match head_at(&app, request.uri()).await {
        Ok(head) => head,
        Err(problem) => return problem.into_response(),
    };
    // What is posted is no copy of anything: its answer has no version.
    if request.method() == Method::POST {
        request.extensions_mut().insert(Arc::clone(&head));
        let mut response = next.run(request).await;
        stamp(response.headers_mut(), &head);
        return response;
    }
    let version = tag("s", head.root.seq);
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    // Nothing was journalled since the client got this answer, so no answer can have changed.
    let mut response = if has(known.as_ref(), &version) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        request.extensions_mut().insert(Arc::clone(&head));
        next.run(request).await
    };
    if response.status() == StatusCode::OK {
        let version = response.headers().get(header::ETAG).cloned().unwrap_or_else(|| version.clone());
        if has(known.as_ref(), &version) {
            response = StatusCode::NOT_MODIFIED.into_response();
        }
        response.headers_mut().insert(header::ETAG, version);
    } else if response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(header::ETAG, version);
    }
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    stamp(headers, &head);
    response
}

/// Writes how far the mirror is.
pub fn stamp(headers: &mut HeaderMap, head: &Cursor) {
    headers.insert(INDEXED_HEIGHT, HeaderValue::from(head.height));
    headers.insert(INDEXED_SEQ, HeaderValue::from(head.root.seq));
    if let Ok(hash) = HeaderValue::from_str(head.hash.as_deref().unwrap_or_default()) {
        headers.insert(INDEXED_HASH, hash);
    }
}

/// The weak ETag of something that changed last with the journal line `seq` (class `e`, one entity), that depends on
/// the journal up to `seq` (class `s`), or on the block of that height (class `h`). It names the program's version,
/// because another one may answer in another form.
#[must_use]
pub fn tag(class: &str, seq: u64) -> HeaderValue {
    let text = format!("W/\"{}-{class}{seq}\"", env!("CARGO_PKG_VERSION"));
    // Digits, letters and quotes are valid in a header.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("W/\"\""))
}

fn has(known: Option<&HeaderValue>, version: &HeaderValue) -> bool {
    let (Some(known), Ok(version)) = (known.and_then(|known| known.to_str().ok()), version.to_str()) else {
        return false;
    };
    // Proxies may turn a weak tag into a strong one; these compare by their opaque part.
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.split(',').any(|known| opaque(known) == opaque(version))
}

async fn head_at(app: &App, uri: &Uri) -> Result<Arc<Cursor>, Problem> {
    let Some(height) = min_height(uri)? else {
        return app.feed.head().ok_or_else(nothing_indexed);
    };
    let mut heads = app.feed.watch();
    let reached = timeout(WAIT, heads.wait_for(|head| head.as_ref().is_some_and(|head| head.height >= height))).await;
    if let Ok(Ok(head)) = reached
        && let Some(head) = head.as_ref()
    {
        return Ok(Arc::clone(head));
    }
    let head = app.feed.head().ok_or_else(nothing_indexed)?;
    Err(Problem::new(Code::NotIndexed, format!("block {height} is not indexed yet: the mirror is at {}", head.height)))
}

/// The problem of a gateway whose mirror is empty, or whose database has not answered since it started.
#[must_use]
pub fn nothing_indexed() -> Problem {
    Problem::new(Code::NotReady, "nothing is indexed yet, or the database has not answered since the gateway started")
}

fn min_height(uri: &Uri) -> Result<Option<u64>, Problem> {
    match Query::<MinHeight>::try_from_uri(uri) {
        Ok(Query(MinHeight { min_height })) => Ok(min_height),
        Err(rejection) => Err(Problem::bad_request(rejection.body_text())),
    }
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;

    use super::*;
    use crate::testing::{Gateway, Market, problem};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn indexed__should_wait_for_min_height(pool: PgPool) {
        // Given a client that wants its own write, two blocks ahead of the mirror
        let mut market = Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;
        let wanted = market.height() + 1;
        let url = format!("{}/v1/batches?min_height={wanted}", gateway.url);
        let waiting = tokio::spawn(gateway.http.get(url).send());

        // When the block is indexed while it waits
        let batch = market.post(4);
        market.commit().await;
        let answer = waiting.await.unwrap().unwrap();

        // Then the answer has it
        assert_eq!(answer.headers()["x-indexed-height"], wanted.to_string().as_str());
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["items"][0]["batch"], batch.0);
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn indexed__should_give_up_waiting_with_409(pool: PgPool) {
        // Given a mirror that stands still
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When a later block is wanted
        let response = gateway.get("/v1/batches?min_height=999999").await;

        // Then the caller is told to try again
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(problem(response).await, (409, "not-indexed".to_owned()));
        assert_eq!(gateway.problem("/v1/batches?min_height=x").await, (400, "bad-request".to_owned()));
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn indexed__should_answer_304_for_lists_until_a_line_is_journalled(pool: PgPool) {
        // Given a client that has a list
        let mut market = Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;
        let etag = gateway.get("/v1/nodes").await.headers()["etag"].clone();
        let ask = || gateway.http.get(format!("{}/v1/nodes", gateway.url)).header("if-none-match", etag.clone()).send();

        // When nothing happens, then something does
        let same = ask().await.unwrap();
        market.post(4);
        market.commit().await;
        gateway.catch_up(&market).await;
        let other = ask().await.unwrap();

        // Then it is sent again only after that
        assert_eq!((same.status().as_u16(), other.status().as_u16()), (304, 200));
    }

    #[test]
    fn has__should_compare_weakly_and_in_lists() {
        let known = HeaderValue::from_static("\"x\", W/\"0.1.0-s7\"");
        assert!(has(Some(&known), &HeaderValue::from_static("W/\"0.1.0-s7\"")));
        assert!(has(Some(&known), &HeaderValue::from_static("W/\"x\"")));
        assert!(!has(Some(&known), &HeaderValue::from_static("W/\"0.1.0-s8\"")));
        assert!(!has(None, &known));
    }

    #[test]
    fn min_height__should_be_read_among_other_parameters() {
        let read = |query| min_height(&Uri::from_static(query));
        assert_eq!(read("/v1/nodes?limit=3&min_height=17").unwrap(), Some(17));
        assert_eq!(read("/v1/nodes?limit=3").unwrap(), None);
        assert_eq!(read("/v1/nodes").unwrap(), None);
        let negative = read("/v1/nodes?min_height=-1").unwrap_err();
        assert_eq!(negative.code, Code::BadRequest);
        assert!(negative.detail.contains("min_height"), "{}", negative.detail);
    }
}
