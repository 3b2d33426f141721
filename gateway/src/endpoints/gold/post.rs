//! `POST /v1/batches/{batch}/gold`.

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use piecework_api::gold::{DOCUMENT_MAX, GoldDocument, GoldError, GoldStored, takes_answers};
use utoipa::IntoResponses;

use super::{Golden, word};
use crate::{
    app::App,
    blobs::PutError,
    endpoints::blobs::put::{refuse_forms, refuse_too_large},
    extract::Segments,
    problem::{Code, Problem, documented},
};

/// Items that a refusal names.
const SHOWN: usize = 8;

/// Publishes openings of a batch's gold: the document becomes a blob, and its openings part of the batch's gold. Every opening must lead to the
/// root on the creation's line, and its lot take no answers any more; else nothing is stored, and `detail` says why, item by item.
#[utoipa::path(
    post, path = "/v1/batches/{batch}/gold", tag = "gold",
    params(("batch" = u32, Path, description = "Number of the batch")),
    request_body(content = GoldDocument, content_type = "application/json", description = "At most 1 MiB"),
    responses(
        (status = 201, description = "Stored", body = GoldStored),
        (status = 200, description = "Everything was open already", body = GoldStored),
        PostProblems
    )
)]
pub async fn gold_post(
    State(app): State<App>,
    Segments(batch): Segments<u32>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let max_bytes = DOCUMENT_MAX.min(app.blobs.max_bytes());
    refuse_forms(&headers)?;
    refuse_too_large(&headers, max_bytes)?;
    let too_large = |_| Problem::from(PutError::TooLarge { max_bytes });
    let bytes = to_bytes(body, usize::try_from(max_bytes).unwrap_or(usize::MAX)).await.map_err(too_large)?;
    let document: GoldDocument = serde_json::from_slice(&bytes)
        .map_err(|error| Problem::new(Code::Refused, format!("the body is no document of gold: {error}")))?;
    let mut db = app.reader.snapshot().await?;
    let golden = Golden::find(&mut db, batch).await?;
    golden.root.check(&document)?;
    let lots = golden.lots(&mut db, document.openings.iter().map(|opening| opening.item)).await?;
    drop(db);
    let early = document.openings.iter().filter_map(|opening| {
        let number = golden.place(opening.item).0;
        let lot = lots.iter().find(|lot| lot.lot == number && takes_answers(golden.batch.status, lot.state))?;
        Some(format!("item {}: lot {number} is {}", opening.item, word(lot.state)))
    });
    let early: Vec<String> = early.collect();
    if !early.is_empty() {
        let more = if early.len() > SHOWN { format!("; and {} more", early.len() - SHOWN) } else { String::new() };
        let shown = early.get(..SHOWN).unwrap_or(&early).join("; ");
        return Err(Problem::new(Code::GoldEarly, format!("{shown}{more}")));
    }
    let stored = app.golds.add(golden.batch.batch, &golden.root.root, document, bytes).await?;
    let status = if stored.added > 0 { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(stored)).into_response())
}

impl From<GoldError> for Problem {
    fn from(error: GoldError) -> Self {
        Self::new(Code::GoldUnproven, error.to_string())
    }
}

/// What a post can fail with.
struct PostProblems;

impl IntoResponses for PostProblems {
    fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
        documented(&[
            Code::BadRequest,
            Code::Refused,
            Code::NotFound,
            Code::SlowBody,
            Code::GoldEarly,
            Code::TooLarge,
            Code::MediaType,
            Code::GoldUnproven,
            Code::Internal,
            Code::Overloaded,
            Code::Database,
            Code::NotReady,
            Code::DiskFull,
        ])
    }
}
