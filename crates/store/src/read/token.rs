//! Listed tokens.

use piecework_api::Token;
use piecework_interface::{ids::TokenId, view};
use sqlx::PgConnection;

use super::optional;
use crate::{StoreError, columns::narrow};

/// Tokens behind `after`, by number.
///
/// # Errors
/// The read failed.
pub async fn token_list(db: &mut PgConnection, after: Option<TokenId>, limit: u32) -> Result<Vec<Token>, StoreError> {
    sqlx::query!(
        r#"SELECT token, account_id, min_reward, rep_unit, bond_rate, pool, in_flight, symbol AS "symbol?", decimals AS "decimals?"
         FROM tokens
         LEFT JOIN token_metadata USING (token)
         WHERE token > $1
         ORDER BY token
         LIMIT $2"#,
        after.map_or(-1, |token| i32::from(token.0)),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let decimals = optional(row.decimals, "token_metadata.decimals")?;
        let symbol = row.symbol;
        let row = view::Token {
            token: TokenId(narrow(row.token, "tokens.token")?),
            account_id: row.account_id,
            min_reward: row.min_reward.into(),
            rep_unit: row.rep_unit.into(),
            bond_rate: row.bond_rate.into(),
            pool: row.pool.into(),
            in_flight: row.in_flight.into(),
        };
        Ok(Token { row, symbol, decimals })
    })
    .collect()
}
