//! `GET /v1/tokens`.

use axum::{Json, extract::State};
use piecework_api::{Page, Token};
use piecework_interface::ids::TokenId;
use piecework_store::token::token_list;

use crate::{
    app::App,
    extract::{All, Listed, MinHeight, Paging},
    problem::{MirrorProblems, Problem},
};

const SORT: &str = "tokens:token";

/// Tokens that rewards may be paid in.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "network",
    params(Paging, MinHeight),
    responses((status = 200, description = "A page of tokens", body = Page<Token>), MirrorProblems)
)]
pub async fn tokens_list(
    State(app): State<App>,
    Listed(All {}, paging): Listed<All>,
) -> Result<Json<Page<Token>>, Problem> {
    let list = paging.of(SORT, ())?;
    let after = list.after()?.map(TokenId);
    let mut db = app.reader.acquire().await?;
    let rows = token_list(&mut db, after, list.rows()).await?;
    Ok(Json(list.cut(rows, |token| token.row.token.0)))
}

#[cfg(test)]
mod tests {
    use piecework_interface::ids::TokenId;
    use piecework_store::{
        PgPool,
        token_metadata::{TokenMetadata, token_metadata_put},
    };

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn tokens_list__should_begin_with_near(pool: PgPool) {
        // Given two listed tokens
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When they are paged through
        let first = gateway.json("/v1/tokens?limit=1").await;
        let next = first["next"].as_str().unwrap();
        let second = gateway.json(&format!("/v1/tokens?limit=1&cursor={next}")).await;

        // Then NEAR is number 0, and another token has a symbol once the indexer has asked for it
        let near = &first["items"][0];
        assert_eq!((near["token"].as_u64(), near["account_id"].as_str()), (Some(0), Some("")));
        assert_eq!((near["symbol"].as_str(), near["decimals"].as_u64()), (Some("NEAR"), Some(24)));
        assert_eq!(second["items"][0]["account_id"], "reward.test.near");
        assert!(second["items"][0]["symbol"].is_null());
        let metadata = TokenMetadata { symbol: "TEST".to_owned(), decimals: 6 };
        token_metadata_put(&mut pool.acquire().await.unwrap(), TokenId(1), &metadata).await.unwrap();
        let asked = gateway.json("/v1/tokens").await;
        assert_eq!(
            (asked["items"][1]["symbol"].as_str(), asked["items"][1]["decimals"].as_u64()),
            (Some("TEST"), Some(6))
        );
        assert!(second.get("next").is_none());
    }
}
