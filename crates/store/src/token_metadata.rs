//! Symbols and decimals of tokens, as their contracts say.

use piecework_interface::ids::TokenId;
use sqlx::PgConnection;

use crate::{StoreError, columns::narrow};

/// How people read amounts of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenMetadata {
    /// Symbol, 1..=32 characters.
    pub symbol: String,
    /// Digits after the point, at most 38.
    pub decimals: u8,
}

/// Listed tokens without metadata, with their accounts.
///
/// # Errors
/// The read failed.
pub async fn token_metadata_missing(conn: &mut PgConnection) -> Result<Vec<(TokenId, String)>, StoreError> {
    sqlx::query!(
        "SELECT token, account_id
         FROM tokens
         WHERE NOT EXISTS (SELECT FROM token_metadata WHERE token_metadata.token = tokens.token)
         ORDER BY token"
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| Ok((TokenId(narrow(row.token, "tokens.token")?), row.account_id)))
    .collect()
}

/// Keeps a token's metadata.
///
/// # Errors
/// The database failed, or symbol or decimals are out of range.
pub async fn token_metadata_put(
    conn: &mut PgConnection,
    token: TokenId,
    metadata: &TokenMetadata,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO token_metadata (token, symbol, decimals)
         VALUES ($1, $2, $3)
         ON CONFLICT (token) DO UPDATE SET symbol = EXCLUDED.symbol, decimals = EXCLUDED.decimals",
        i32::from(token.0),
        metadata.symbol,
        i16::from(metadata.decimals),
    )
    .execute(conn)
    .await?;
    Ok(())
}
