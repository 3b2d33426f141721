//! `GET /v1/classes/{class}`.

use axum::extract::State;
use piecework_api::Class;
use piecework_interface::ids::ClassId;
use piecework_store::class::class_get;

use crate::{
    app::App,
    endpoints::Versioned,
    extract::{MinHeight, Segments},
    problem::{EntityProblems, Problem},
};

/// One registered class of work.
#[utoipa::path(
    get, path = "/v1/classes/{class}", tag = "classes",
    params(("class" = u16, Path, description = "Number of the class"), MinHeight),
    responses((status = 200, description = "The class", body = Class), EntityProblems)
)]
pub async fn classes_get(State(app): State<App>, Segments(class): Segments<u16>) -> Result<Versioned<Class>, Problem> {
    let mut db = app.reader.acquire().await?;
    let found = class_get(&mut db, ClassId(class)).await?.ok_or_else(|| Problem::not_found("class", class))?;
    Ok(Versioned { updated_seq: found.updated_seq, body: found })
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn classes_get__should_answer_304_until_the_class_changes(pool: PgPool) {
        // Given a client that has the class
        let mut market = Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;
        let etag = gateway.get("/v1/classes/0").await.headers()["etag"].clone();
        let ask = || async {
            let request =
                gateway.http.get(format!("{}/v1/classes/0", gateway.url)).header("if-none-match", etag.clone());
            request.send().await.unwrap()
        };

        // When a batch is posted in it, then one of its nodes pauses
        market.post(4);
        market.commit().await;
        gateway.catch_up(&market).await;
        let unchanged = ask().await;
        market.pause(3);
        market.commit().await;
        gateway.catch_up(&market).await;
        let changed = ask().await;

        // Then only the second sends it again
        assert_eq!((unchanged.status().as_u16(), changed.status().as_u16()), (304, 200));
        assert_eq!(changed.json::<serde_json::Value>().await.unwrap()["nodes"], 2);
        assert_eq!(gateway.problem("/v1/classes/1").await, (404, "not-found".to_owned()));
        assert_eq!(gateway.problem("/v1/classes/digits").await, (400, "bad-request".to_owned()));
    }
}
