//! `GET /livez`.

/// Answers as long as the process does: restart it when this fails, and only then.
#[utoipa::path(
    get, path = "/livez", tag = "health",
    responses((status = 200, description = "The process lives", body = String))
)]
pub async fn livez() -> &'static str {
    "ok\n"
}

#[cfg(test)]
mod tests {
    use crate::testing::Gateway;

    #[tokio::test]
    async fn livez__should_answer_while_the_database_is_gone() {
        // Given a gateway whose database nobody serves
        let gateway = Gateway::start_at("postgres://nobody@127.0.0.1:1/none", &[]).await;

        // When it is probed
        let response = gateway.get("/livez").await;

        // Then the process lives
        assert_eq!(response.status(), 200);
    }
}
