//! `GET` and `HEAD /v1/blobs/{sha256}`.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;
use utoipa::IntoResponses;

use super::digest;
use crate::{
    app::App,
    extract::Segments,
    problem::{Code, Problem, documented},
};

/// The bytes of a blob; ranges of bytes too. A blob never changes, so caches may keep it for ever.
#[utoipa::path(
    get, path = "/v1/blobs/{sha256}", tag = "blobs",
    params(
        ("sha256" = String, Path, description = "SHA-256 of the bytes, 64 hex digits in lower case", pattern = "^[0-9a-f]{64}$"),
        ("Range" = Option<String>, Header, description = "bytes=first-last")
    ),
    responses(
        (status = 200, description = "The bytes", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "application/octet-stream"),
        GetProblems
    )
)]
pub async fn blobs_get(
    State(app): State<App>,
    Segments(sha256): Segments<String>,
    request: Request,
) -> Result<Response, Problem> {
    let digest = digest(&sha256)?;
    let path = app.blobs.get(digest).await.map_err(|error| Problem::internal(&error))?;
    let path = path.ok_or_else(|| Problem::not_found("blob", digest))?;
    let etag = HeaderValue::from_str(&format!("\"{digest}\"")).map_err(|error| Problem::internal(&error))?;
    // The name is the content: whoever knows a tag of this URL has the bytes.
    let mut response = if request.headers().contains_key(header::IF_NONE_MATCH) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        // A name without extension is served as application/octet-stream.
        match ServeFile::new(path).oneshot(request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    // Anybody may store anything, and the page lives on the same origin.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}

/// What a get can fail with.
struct GetProblems;

impl IntoResponses for GetProblems {
    fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
        documented(&[Code::BadRequest, Code::NotFound, Code::Range, Code::Internal, Code::Overloaded, Code::Timeout])
    }
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;
    use sha2::{Digest, Sha256};

    use crate::testing::{Gateway, Market, problem};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn blobs_get__should_serve_ranges_heads_and_tags(pool: PgPool) {
        // Given a stored blob
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;
        let name = hex::encode(Sha256::digest(b"0123456789"));
        let url = format!("{}/v1/blobs/{name}", gateway.url);
        gateway.http.put(&url).body("0123456789").send().await.unwrap();

        // When it is asked for in every way
        let whole = gateway.http.get(&url).send().await.unwrap();
        let head = gateway.http.head(&url).send().await.unwrap();
        let range = gateway.http.get(&url).header("range", "bytes=2-4").send().await.unwrap();
        let beyond = gateway.http.get(&url).header("range", "bytes=20-30").send().await.unwrap();
        let known =
            gateway.http.get(&url).header("if-none-match", whole.headers()["etag"].clone()).send().await.unwrap();

        // Then each is answered as HTTP says, to be kept for ever and never run
        assert_eq!(whole.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(whole.headers()["content-type"], "application/octet-stream");
        assert_eq!(whole.headers()["x-content-type-options"], "nosniff");
        assert_eq!(whole.headers()["content-security-policy"], "default-src 'none'; sandbox");
        assert_eq!(whole.text().await.unwrap(), "0123456789");
        assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()), (200, "10"));
        assert_eq!((range.status().as_u16(), range.text().await.unwrap().as_str()), (206, "234"));
        assert_eq!(beyond.headers()["content-range"], "bytes */10");
        assert_eq!(problem(beyond).await, (416, "range".to_owned()));
        assert_eq!(known.status(), 304);
    }
}
