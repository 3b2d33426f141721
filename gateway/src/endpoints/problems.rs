//! `GET /problems/{code}`: what a problem's `type` points to.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    extract::Segments,
    problem::{Code, Problem},
};

/// A kind of problem.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProblemKind {
    /// Stable name.
    #[schema(example = "not-found")]
    pub code: &'static str,
    /// HTTP status it comes with.
    pub status: u16,
    /// What it is.
    pub title: &'static str,
    /// What the caller can do.
    pub fix: &'static str,
}

impl From<Code> for ProblemKind {
    fn from(code: Code) -> Self {
        Self { code: code.as_str(), status: code.status().as_u16(), title: code.title(), fix: code.fix() }
    }
}

/// Every kind of problem.
#[utoipa::path(
    get, path = "/problems", tag = "health",
    responses((status = 200, description = "All kinds", body = Vec<ProblemKind>))
)]
pub async fn problems_list() -> Json<Vec<ProblemKind>> {
    Json(Code::ALL.iter().copied().map(ProblemKind::from).collect())
}

/// One kind of problem.
#[utoipa::path(
    get, path = "/problems/{code}", tag = "health",
    params(("code" = String, Path, description = "Stable name of the kind")),
    responses((status = 200, description = "The kind", body = ProblemKind), (status = 404, description = "No such kind"))
)]
pub async fn problems_get(Segments(code): Segments<String>) -> Result<Json<ProblemKind>, Problem> {
    let found = Code::ALL.iter().copied().find(|kind| kind.as_str() == code);
    found.map(|kind| Json(kind.into())).ok_or_else(|| Problem::not_found("problem", code))
}

#[cfg(test)]
#[allow(non_snake_case)]
mod tests {
    use crate::{problem::Code, testing::Gateway};

    #[tokio::test]
    async fn problems__should_explain_every_code() {
        // Given a gateway
        let gateway = Gateway::start_at("postgres://nobody@127.0.0.1:1/none", &[]).await;

        // When every kind is looked up where problems point to
        let all = gateway.json("/problems").await;

        // Then it is there
        assert_eq!(all.as_array().unwrap().len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(gateway.json(&format!("/problems/{}", code.as_str())).await["status"], code.status().as_u16());
        }
        assert_eq!(gateway.problem("/problems/none").await, (404, "not-found".to_owned()));
    }
}
