//! Listed tokens.

use piecework_interface::{ids::TokenId, view};
use sqlx::PgConnection;

use crate::{StoreError, columns::narrow, token_metadata::TokenMetadata};

/// A listed token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The contract's row.
    pub row: view::Token,
    /// How people read its amounts, if that is known.
    pub metadata: Option<TokenMetadata>,
}

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
        let metadata = match row.symbol.zip(row.decimals) {
            Some((symbol, decimals)) => {
                Some(TokenMetadata { symbol, decimals: narrow(decimals, "token_metadata.decimals")? })
            }
            None => None,
        };
        let row = view::Token {
            token: TokenId(narrow(row.token, "tokens.token")?),
            account_id: row.account_id,
            min_reward: row.min_reward.into(),
            rep_unit: row.rep_unit.into(),
            bond_rate: row.bond_rate.into(),
            pool: row.pool.into(),
            in_flight: row.in_flight.into(),
        };
        Ok(Token { row, metadata })
    })
    .collect()
}
