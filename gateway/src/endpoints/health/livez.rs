//! `GET /livez`.

/// Answers as long as the process does: restart it when this fails, and only then.
#[utoipa::path(
    get, path = "/livez", tag = "health",
    responses((status = 200, description = "The process lives", body = String))
)]
pub async fn livez() -> &'static str {
    "ok\n"
}
