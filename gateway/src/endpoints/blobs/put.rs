//! `PUT /v1/blobs/{sha256}`.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::digest;
use crate::{
    app::App,
    blobs::{Put, PutError},
    extract::Segments,
    problem::{Code, Problem, documented},
};

/// A stored blob.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Stored {
    /// Its SHA-256, hex.
    pub sha256: String,
}

/// Stores a blob under the SHA-256 of its bytes. The answer means that the bytes are on disk.
#[utoipa::path(
    put, path = "/v1/blobs/{sha256}", tag = "blobs",
    params(("sha256" = String, Path, description = "SHA-256 of the body, 64 hex digits in lower case")),
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
fn refuse_forms(headers: &HeaderMap) -> Result<(), Problem> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media.as_str() {
        "multipart/form-data" | "application/x-www-form-urlencoded" => {
            Err(Problem::new(Code::MediaType, format!("a blob is sent as raw bytes, not as {media}")))
        }
        _ => Ok(()),
    }
}

/// Refuses by the announced length, before a byte is read.
fn refuse_too_large(headers: &HeaderMap, max_bytes: u64) -> Result<(), Problem> {
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
