//! What stood behind nodes: their stake and operator after each line that changed them.

use piecework_api::StakeSpan;
use piecework_interface::{amount::Amount, ids::AccountNo};
use sqlx::{PgConnection, PgTransaction};

use crate::{
    StoreError, Units,
    change::StakeRow,
    columns::{column, narrow, write},
};

pub(crate) async fn stake_insert(tx: &mut PgTransaction<'_>, rows: &[StakeRow]) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO stakes (account, seq, stake, operator)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::numeric[], $4::bigint[])",
        &column(rows, |row| row.account)?,
        &column(rows, |row| row.seq)?,
        &column(rows, |row| row.stake)?,
        &column(rows, |row| row.operator)? as _,
    );
    write(tx, "stake_insert", rows.len(), query).await
}

/// What stood behind each node from line `from_seq` to before line `until_seq`, behind `after`, by account number.
///
/// It reads one row of a node from before the range, by the key's order, and those inside it: its cost does not grow with the
/// journal's other lines.
///
/// # Errors
/// The read failed.
pub async fn stake_span_list(
    db: &mut PgConnection,
    (from_seq, until_seq): (u64, u64),
    after: Option<AccountNo>,
    limit: u32,
) -> Result<Vec<StakeSpan>, StoreError> {
    sqlx::query!(
        r#"SELECT n.account, a.account_id,
                  least(coalesce(before.stake, 0), (SELECT min(s.stake) FROM stakes s
                      WHERE s.account = n.account AND s.seq >= $1 AND s.seq < $2)) AS "least!: Units",
                  array(SELECT before.operator WHERE before.operator IS NOT NULL
                        UNION
                        SELECT s.operator FROM stakes s
                        WHERE s.account = n.account AND s.seq >= $1 AND s.seq < $2 AND s.operator IS NOT NULL
                        ORDER BY 1) AS "operators!: Vec<i64>"
           FROM nodes n
           JOIN accounts a USING (account)
           LEFT JOIN LATERAL (SELECT s.stake, s.operator FROM stakes s
                              WHERE s.account = n.account AND s.seq < $1
                              ORDER BY s.seq DESC LIMIT 1) AS before ON true
           WHERE n.account > $3 AND EXISTS (SELECT FROM stakes s WHERE s.account = n.account AND s.seq < $2)
           ORDER BY n.account
           LIMIT $4"#,
        i64::try_from(from_seq).unwrap_or(i64::MAX),
        i64::try_from(until_seq).unwrap_or(i64::MAX),
        after.map_or(-1, |account| i64::from(account.0)),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let operator = |operator| Ok(AccountNo(narrow(operator, "stakes.operator")?));
        Ok(StakeSpan {
            account: AccountNo(narrow(row.account, "stakes.account")?),
            account_id: row.account_id,
            least: Amount(row.least.0),
            operators: row.operators.into_iter().map(operator).collect::<Result<_, StoreError>>()?,
        })
    })
    .collect()
}
