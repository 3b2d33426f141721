//! Listed tokens.

use std::collections::BTreeMap;

use piecework_api::Token;
use piecework_interface::{ids::TokenId, view};
use sqlx::{PgConnection, PgTransaction};

use crate::{
    StoreError,
    columns::{column, narrow, optional, write},
};

pub(crate) async fn token_upsert(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<TokenId, (view::Token, u64)>,
) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO tokens (token, account_id, min_reward, rep_unit, bond_rate, pool, in_flight, updated_seq)
         SELECT * FROM unnest($1::integer[], $2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[],
                              $7::numeric[], $8::bigint[])
         ON CONFLICT (token) DO UPDATE
         SET account_id = excluded.account_id, min_reward = excluded.min_reward, rep_unit = excluded.rep_unit,
             bond_rate = excluded.bond_rate, pool = excluded.pool, in_flight = excluded.in_flight,
             updated_seq = excluded.updated_seq",
        &column(rows, |(token, _)| *token)?,
        &column(rows, |(_, (row, _))| row.account_id.as_str())?,
        &column(rows, |(_, (row, _))| row.min_reward)?,
        &column(rows, |(_, (row, _))| row.rep_unit)?,
        &column(rows, |(_, (row, _))| row.bond_rate)?,
        &column(rows, |(_, (row, _))| row.pool)?,
        &column(rows, |(_, (row, _))| row.in_flight)?,
        &column(rows, |(_, (_, seq))| *seq)?,
    );
    write(tx, "token_upsert", rows.len(), query).await
}

/// Listed tokens, as the contract has them.
pub(crate) async fn token_load(db: &mut PgConnection) -> Result<BTreeMap<TokenId, view::Token>, StoreError> {
    let listed = token_list(db, None, u32::MAX).await?;
    Ok(listed.into_iter().map(|token| (token.row.token, token.row)).collect())
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
