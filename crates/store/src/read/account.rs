//! Registered accounts and their balances.

use piecework_api::Account;
use piecework_interface::{
    ids::{AccountNo, TokenId},
    key::IntentKey,
    view::Balance,
};
use sqlx::{PgConnection, types::Json};

use super::rows;
use crate::{StoreError, Units, columns::narrow};

struct Row {
    account: i64,
    account_id: String,
    storage_paid: Units,
    storage_used: i64,
    in_flight: i16,
    tokens: Vec<i32>,
    amounts: Vec<Units>,
    keys: Json<Vec<IntentKey>>,
    is_node: bool,
    updated_seq: i64,
}

/// The open account with this id.
///
/// # Errors
/// The read failed.
pub async fn account_get(db: &mut PgConnection, account_id: &str) -> Result<Option<Account>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"SELECT a.account, a.account_id, a.storage_paid, a.storage_used, a.in_flight,
                  ARRAY(SELECT b.token FROM balances b WHERE b.account = a.account ORDER BY b.token) AS "tokens!",
                  ARRAY(SELECT b.amount FROM balances b WHERE b.account = a.account ORDER BY b.token)
                      AS "amounts!: Vec<Units>",
                  a.keys AS "keys: Json<Vec<IntentKey>>",
                  EXISTS(SELECT FROM nodes n WHERE n.account = a.account) AS "is_node!", a.updated_seq
           FROM accounts a
           WHERE a.account_id = $1 AND a.closed_seq IS NULL"#,
        account_id,
    )
    .fetch_optional(db)
    .await?
    .map(Account::try_from)
    .transpose()
}

/// Open accounts behind `after`, by number.
///
/// # Errors
/// The read failed.
pub async fn account_list(
    db: &mut PgConnection,
    after: Option<AccountNo>,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let found = sqlx::query_as!(
        Row,
        r#"SELECT a.account, a.account_id, a.storage_paid, a.storage_used, a.in_flight,
                  ARRAY(SELECT b.token FROM balances b WHERE b.account = a.account ORDER BY b.token) AS "tokens!",
                  ARRAY(SELECT b.amount FROM balances b WHERE b.account = a.account ORDER BY b.token)
                      AS "amounts!: Vec<Units>",
                  a.keys AS "keys: Json<Vec<IntentKey>>",
                  EXISTS(SELECT FROM nodes n WHERE n.account = a.account) AS "is_node!", a.updated_seq
           FROM accounts a
           WHERE a.account > $1 AND a.closed_seq IS NULL
           ORDER BY a.account
           LIMIT $2"#,
        after.map_or(-1, |account| i64::from(account.0)),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?;
    rows(found)
}

impl TryFrom<Row> for Account {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            account: AccountNo(narrow(row.account, "accounts.account")?),
            account_id: row.account_id,
            storage_paid: row.storage_paid.into(),
            storage_used: narrow(row.storage_used, "accounts.storage_used")?,
            in_flight: narrow(row.in_flight, "accounts.in_flight")?,
            balances: balances(&row.tokens, &row.amounts)?,
            keys: row.keys.0,
            is_node: row.is_node,
            updated_seq: narrow(row.updated_seq, "accounts.updated_seq")?,
        })
    }
}

/// Amounts per token from two arrays of equal length.
pub(super) fn balances(tokens: &[i32], amounts: &[Units]) -> Result<Vec<Balance>, StoreError> {
    tokens
        .iter()
        .zip(amounts)
        .map(|(token, amount)| Ok(Balance { token: TokenId(narrow(*token, "token")?), amount: (*amount).into() }))
        .collect()
}
