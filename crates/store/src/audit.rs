//! Statements that check rows against rows.

use sqlx::PgConnection;

use crate::{StoreError, Units, columns::narrow};

/// A balance that is not what its movements give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerDifference {
    /// Account number.
    pub account: u32,
    /// Token number.
    pub token: u16,
    /// Balance after the last movement, in decimal.
    pub ledger: String,
    /// The balance's row, in decimal.
    pub balance: String,
}

/// Balances whose movements do not add up to them, at most a hundred: one is enough to know that something is wrong.
///
/// # Errors
/// The database failed.
pub async fn ledger_difference_list(conn: &mut PgConnection) -> Result<Vec<LedgerDifference>, StoreError> {
    // The sum of the credits never falls below that of the debits, or the difference itself is the finding.
    let rows = sqlx::query!(
        r#"SELECT coalesce(l.account, b.account) AS "account!", coalesce(l.token, b.token) AS "token!",
                  coalesce(l.credits, 0) AS "credits!", coalesce(l.debits, 0) AS "debits!",
                  coalesce(b.amount, 0) AS "amount!"
           FROM (SELECT account, token, sum(amount) FILTER (WHERE credit) AS credits,
                        sum(amount) FILTER (WHERE NOT credit) AS debits
                 FROM ledger
                 GROUP BY account, token) l
           FULL JOIN balances b ON b.account = l.account AND b.token = l.token
           WHERE coalesce(l.credits, 0) - coalesce(l.debits, 0) <> coalesce(b.amount, 0)
           LIMIT 100"#
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let (Units(credits), Units(debits), Units(amount)) = (row.credits, row.debits, row.amount);
            Ok(LedgerDifference {
                account: narrow(row.account, "ledger.account")?,
                token: narrow(row.token, "ledger.token")?,
                ledger: format!("{credits} - {debits}"),
                balance: amount.to_string(),
            })
        })
        .collect()
}

/// Tables that follow from the journal; the others are the journal itself, and reports.
const DERIVED: [&str; 15] = [
    "config",
    "tokens",
    "accounts",
    "balances",
    "classes",
    "nodes",
    "node_classes",
    "batches",
    "lots",
    "slots",
    "segments",
    "challenges",
    "results",
    "ledger",
    "stakes",
];

/// Makes empty tables beside the live ones, with a copy of the journal, and points the transaction at them. They are
/// gone when the transaction is rolled back. Returns the name of the live schema.
///
/// # Errors
/// The database failed.
pub async fn rebuild_begin(conn: &mut PgConnection) -> Result<String, StoreError> {
    let live: String =
        sqlx::query_scalar!(r#"SELECT quote_ident(current_schema()) AS "schema!""#).fetch_one(&mut *conn).await?;
    sqlx::raw_sql("CREATE SCHEMA piecework_rebuild; SET LOCAL search_path TO piecework_rebuild")
        .execute(&mut *conn)
        .await?;
    for migration in crate::connect::MIGRATIONS.iter() {
        sqlx::raw_sql(sqlx::AssertSqlSafe(migration.sql.as_str().to_owned())).execute(&mut *conn).await?;
    }
    for table in ["blocks", "receipts", "events", "reveals"] {
        let copy = format!("INSERT INTO {table} SELECT * FROM {live}.{table}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(copy)).execute(&mut *conn).await?;
    }
    Ok(live)
}

/// Rows per table that only one of the live and the rebuilt tables has; tables without any are left out.
///
/// # Errors
/// The database failed.
pub async fn rebuild_difference_list(
    conn: &mut PgConnection,
    live: &str,
) -> Result<Vec<(&'static str, u64)>, StoreError> {
    let mut differences = Vec::new();
    for table in DERIVED {
        let compare = format!(
            "SELECT count(*) FROM ((TABLE {table} EXCEPT ALL TABLE {live}.{table})
                                   UNION ALL (TABLE {live}.{table} EXCEPT ALL TABLE {table})) AS different"
        );
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(compare)).fetch_one(&mut *conn).await?;
        if rows != 0 {
            differences.push((table, narrow(rows, "count")?));
        }
    }
    Ok(differences)
}
