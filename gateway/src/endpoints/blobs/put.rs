//! `PUT /v1/blobs/{sha256}`.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use piecework_api::Stored;
use utoipa::IntoResponses;

use super::digest;
use crate::{
    app::App,
    blobs::{Put, PutError},
    extract::Segments,
    problem::{Code, Problem, documented},
};

/// Stores a blob under the SHA-256 of its bytes. The answer means that the bytes are on disk.
#[utoipa::path(
    put, path = "/v1/blobs/{sha256}", tag = "blobs",
    params(("sha256" = String, Path, description = "SHA-256 of the body, 64 hex digits in lower case", pattern = "^[0-9a-f]{64}$")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bytes"),
    responses(
        (status = 201, description = "Stored", body = Stored),
        (status = 200, description = "It was there already", body = Stored),
        PutProblems
    )
)]
pub async fn blobs_put(
    State(app): State<App>,
    Segments(sha256): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let digest = digest(&sha256)?;
    refuse_forms(&headers)?;
    refuse_too_large(&headers, app.blobs.max_bytes())?;
    let status = match app.blobs.put(digest, body.into_data_stream()).await? {
        Put::Created => StatusCode::CREATED,
        Put::Present => StatusCode::OK,
    };
    Ok((status, Json(Stored { sha256 })).into_response())
}

/// A form is never what a caller means to store, and a browser sends one across sites without asking.
pub(crate) fn refuse_forms(headers: &HeaderMap) -> Result<(), Problem> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media.as_str() {
        "multipart/form-data" | "application/x-www-form-urlencoded" => {
            Err(Problem::new(Code::MediaType, format!("the body is sent as raw bytes, not as {media}")))
        }
        _ => Ok(()),
    }
}

/// Refuses by the announced length, before a byte is read.
pub(crate) fn refuse_too_large(headers: &HeaderMap, max_bytes: u64) -> Result<(), Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match announced {
        Some(length) if length > max_bytes => Err(PutError::TooLarge { max_bytes }.into()),
        _ => Ok(()),
    }
}

impl From<PutError> for Problem {
    fn from(error: PutError) -> Self {
        let code = match &error {
            PutError::TooLarge { .. } => Code::TooLarge,
            PutError::Mismatch { .. } => Code::DigestMismatch,
            PutError::DiskFull { dir } => {
                tracing::error!(dir = %dir.display(), "the disk of the blobs is full");
                return Self::new(Code::DiskFull, "the blob was not stored");
            }
            PutError::Body(_) => Code::Refused,
            PutError::Io { .. } => return Self::internal(&error),
        };
        Self::new(code, error.to_string())
    }
}

/// What a put can fail with.
struct PutProblems;

impl IntoResponses for PutProblems {
    fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
        documented(&[
            Code::BadRequest,
            Code::Refused,
            Code::SlowBody,
            Code::TooLarge,
            Code::MediaType,
            Code::DigestMismatch,
            Code::Internal,
            Code::Overloaded,
            Code::DiskFull,
        ])
    }
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;
    use sha2::{Digest, Sha256};

    use crate::testing::{Gateway, problem};

    fn name(bytes: &[u8]) -> String {
        hex::encode(Sha256::digest(bytes))
    }

    async fn put(gateway: &Gateway, name: &str, media: Option<&str>, bytes: &[u8]) -> reqwest::Response {
        let mut request = gateway.http.put(format!("{}/v1/blobs/{name}", gateway.url)).body(bytes.to_vec());
        if let Some(media) = media {
            request = request.header("content-type", media);
        }
        request.send().await.unwrap()
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn blobs_put__should_store_once_and_give_back(pool: PgPool) {
        // Given a gateway, whose blobs need no mirror
        let gateway = Gateway::start_at(&database(&pool), &[]).await;

        // When a blob is put twice and read
        let (bytes, name) = (b"a payload".as_slice(), name(b"a payload"));
        let first = put(&gateway, &name, None, bytes).await;
        let second = put(&gateway, &name, Some("application/json"), bytes).await;
        let read = gateway.get(&format!("/v1/blobs/{name}")).await;

        // Then it is new, then there, and comes back as it was
        assert_eq!((first.status().as_u16(), second.status().as_u16(), read.status().as_u16()), (201, 200, 200));
        assert_eq!(read.bytes().await.unwrap(), bytes);
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn blobs_put__should_refuse_what_it_must(pool: PgPool) {
        // Given a gateway that takes nine bytes
        let gateway = Gateway::start_at(&database(&pool), &["--blob-max-bytes", "9"]).await;
        let good = name(b"a payload");

        // When puts are wrong in every way
        let cases = [
            (put(&gateway, &good, None, b"a pAyload").await, 422, "digest-mismatch"),
            (put(&gateway, &name(b"ten bytes!"), None, b"ten bytes!").await, 413, "too-large"),
            (put(&gateway, &good, Some("multipart/form-data; boundary=x"), b"a payload").await, 415, "media-type"),
            (put(&gateway, &good.to_uppercase(), None, b"a payload").await, 400, "bad-request"),
            (put(&gateway, "abc", None, b"a payload").await, 400, "bad-request"),
        ];

        // Then each says why and nothing is stored
        for (response, status, code) in cases {
            assert_eq!(problem(response).await, (status, code.to_owned()));
        }
        assert_eq!(gateway.problem(&format!("/v1/blobs/{good}")).await, (404, "not-found".to_owned()));
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn blobs_put__should_refuse_a_long_body_of_unknown_length(pool: PgPool) {
        // Given a gateway that takes nine bytes
        let gateway = Gateway::start_at(&database(&pool), &["--blob-max-bytes", "9"]).await;

        // When ten come in pieces, without a length
        let pieces = futures_util::stream::iter(["ten b", "ytes!"].map(Ok::<_, std::io::Error>));
        let request = gateway.http.put(format!("{}/v1/blobs/{}", gateway.url, name(b"ten bytes!")));
        let response = request.body(reqwest::Body::wrap_stream(pieces)).send().await.unwrap();

        // Then it is too large all the same
        assert_eq!(problem(response).await, (413, "too-large".to_owned()));
    }

    fn database(pool: &PgPool) -> String {
        use sqlx::ConnectOptions as _;
        pool.connect_options().to_url_lossy().to_string()
    }
}
