//! `GET /v1/classes`.

use axum::{Json, extract::State};
use piecework_api::{Class, Page};
use piecework_interface::ids::ClassId;
use piecework_store::class::class_list;

use crate::{
    app::App,
    extract::{All, Listed, MinHeight, Paging},
    problem::{MirrorProblems, Problem},
};

const SORT: &str = "classes:class";

/// Registered classes of work by number, with the active nodes and tickets that draws count.
#[utoipa::path(
    get, path = "/v1/classes", tag = "classes",
    params(Paging, MinHeight),
    responses((status = 200, description = "A page of classes", body = Page<Class>), MirrorProblems)
)]
pub async fn classes_list(
    State(app): State<App>,
    Listed(All {}, paging): Listed<All>,
) -> Result<Json<Page<Class>>, Problem> {
    let list = paging.of(SORT, ())?;
    let after = list.after()?.map(ClassId);
    let mut db = app.reader.acquire().await?;
    let rows = class_list(&mut db, after, list.rows()).await?;
    Ok(Json(list.cut(rows, |class| class.record.class.0)))
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn classes_list__should_page_by_number(pool: PgPool) {
        // Given an open class with three nodes of two tickets, and a gated one without any
        let mut market = Market::with_work(&pool).await;
        market.register_class("notes", true);
        market.commit().await;
        let gateway = Gateway::start(&pool).await;

        // When they are paged through
        let first = gateway.json("/v1/classes?limit=1").await;
        let next = first["next"].as_str().unwrap();
        let second = gateway.json(&format!("/v1/classes?limit=1&cursor={next}")).await;

        // Then each came once with what it counts
        let (open, gated) = (&first["items"][0], &second["items"][0]);
        assert_eq!((open["class"].as_u64(), open["name"].as_str()), (Some(0), Some("digits")));
        assert_eq!((open["nodes"].as_u64(), open["tickets"].as_u64()), (Some(3), Some(6)));
        assert_eq!((gated["name"].as_str(), gated["gated"].as_bool()), (Some("notes"), Some(true)));
        assert_eq!((gated["nodes"].as_u64(), gated["owner_id"].as_str()), (Some(0), Some("requester.test.near")));
        assert!(second.get("next").is_none());
    }
}
