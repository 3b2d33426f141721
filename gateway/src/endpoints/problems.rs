//! `GET /problems/{code}`: what a problem's `type` points to.

use axum::Json;
use piecework_api::ProblemKind;

use crate::{
    extract::Segments,
    problem::{Code, Problem},
};

/// Every kind of problem.
#[utoipa::path(
    get, path = "/problems", tag = "health",
    responses((status = 200, description = "All kinds", body = Vec<ProblemKind>))
)]
pub async fn problems_list() -> Json<Vec<ProblemKind>> {
    Json(Code::ALL.iter().copied().map(kind).collect())
}

/// One kind of problem.
#[utoipa::path(
    get, path = "/problems/{code}", tag = "health",
    params(("code" = String, Path, description = "Stable name of the kind")),
    responses((status = 200, description = "The kind", body = ProblemKind), (status = 404, description = "No such kind"))
)]
pub async fn problems_get(Segments(code): Segments<String>) -> Result<Json<ProblemKind>, Problem> {
    let found = Code::ALL.iter().copied().find(|kind| kind.as_str() == code);
    found.map(|code| Json(kind(code))).ok_or_else(|| Problem::not_found("problem", code))
}

fn kind(code: Code) -> ProblemKind {
    ProblemKind {
        code: code.as_str().into(),
        status: code.status().as_u16(),
        title: code.title().into(),
        fix: code.fix().into(),
    }
}

#[cfg(test)]
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
