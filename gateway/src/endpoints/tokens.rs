//! `GET /v1/tokens`.

use axum::{Json, extract::State};
use piecework_interface::ids::TokenId;
use piecework_store::read::token::{self, token_list};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    cursor,
    extract::{LIMIT_MAX, MinHeight, Page, Params, page_limit},
    model::Amount,
    problem::{MirrorProblems, Problem},
};

/// Which tokens.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TokenListParams {
    /// `next` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// Rows, 1..=200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A listed token.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Token {
    /// Number; 0 is NEAR, in yoctoNEAR.
    pub token: u16,
    /// NEP-141 account; empty for NEAR.
    pub account_id: String,
    /// Symbol, as the token contract says; null while that is not known.
    #[schema(example = "USDC")]
    pub symbol: Option<String>,
    /// Digits after the point of an amount in whole tokens; null while that is not known.
    pub decimals: Option<u8>,
    /// Least reward per item.
    pub min_reward: Amount,
    /// Fee of one lot that earns a full step of reputation.
    pub rep_unit: Amount,
    /// yoctoNEAR of bond per 2^32 units.
    pub bond_rate: Amount,
    /// Fees collected.
    pub pool: Amount,
    /// Withdrawals whose transfer has not answered yet.
    pub in_flight: Amount,
}

const SORT: &str = "tokens:token";

/// Tokens that rewards may be paid in.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "network",
    params(TokenListParams, MinHeight),
    responses((status = 200, description = "A page of tokens", body = Page<Token>), MirrorProblems)
)]
pub async fn tokens_list(
    State(app): State<App>,
    Params(params): Params<TokenListParams>,
) -> Result<Json<Page<Token>>, Problem> {
    let limit = page_limit(params.limit, LIMIT_MAX)?;
    let after = params.cursor.map(|text| cursor::decode(&text, SORT, &())).transpose()?.map(TokenId);
    let mut db = app.reader.acquire().await?;
    let rows = token_list(&mut db, after, limit + 1).await?;
    let page = Page::cut(rows, limit, |token| cursor::encode(SORT, &token.row.token.0, &()));
    Ok(Json(page.map(Token::from)))
}

impl From<token::Token> for Token {
    fn from(token::Token { row: token, metadata }: token::Token) -> Self {
        let (symbol, decimals) = metadata.map(|metadata| (metadata.symbol, metadata.decimals)).unzip();
        Self {
            token: token.token.0,
            account_id: token.account_id,
            symbol,
            decimals,
            min_reward: token.min_reward.into(),
            rep_unit: token.rep_unit.into(),
            bond_rate: token.bond_rate.into(),
            pool: token.pool.into(),
            in_flight: token.in_flight.into(),
        }
    }
}

#[cfg(test)]
#[allow(non_snake_case)]
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
