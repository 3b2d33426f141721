//! Accounts and their balances.

use std::collections::BTreeMap;

use piecework_api::Account;
use piecework_interface::{
    ids::{AccountNo, TokenId},
    key::IntentKey,
    view::{self, Balance},
};
use piecework_replay::NamedAccount;
use sqlx::{PgConnection, PgTransaction, types::Json};

use crate::{
    StoreError,
    change::AccountRow,
    columns::{AsJson, column, narrow, write},
    node::node_load,
};

pub(crate) async fn account_upsert(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<AccountNo, AccountRow>,
) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO accounts (account, account_id, storage_paid, storage_used, in_flight, keys, payout, closed_seq,
                               created_seq, updated_seq)
         SELECT account, account_id, storage_paid, storage_used, in_flight, keys::jsonb, payout, closed_seq, created_seq,
                updated_seq
         FROM unnest($1::bigint[], $2::text[], $3::numeric[], $4::bigint[], $5::smallint[], $6::text[], $7::text[],
                     $8::bigint[], $9::bigint[], $10::bigint[])
              AS row (account, account_id, storage_paid, storage_used, in_flight, keys, payout, closed_seq, created_seq,
                      updated_seq)
         ON CONFLICT (account) DO UPDATE
         SET storage_paid = excluded.storage_paid, storage_used = excluded.storage_used, in_flight = excluded.in_flight,
             keys = excluded.keys, payout = excluded.payout, closed_seq = excluded.closed_seq,
             updated_seq = excluded.updated_seq",
        &column(rows, |(account, _)| *account)?,
        &column(rows, |(_, row)| row.account_id.as_str())?,
        &column(rows, |(_, row)| row.row.storage_paid)?,
        &column(rows, |(_, row)| row.row.storage_used)?,
        &column(rows, |(_, row)| row.row.in_flight)?,
        &column(rows, |(_, row)| AsJson(&row.row.keys))?,
        &column(rows, |(_, row)| row.row.payout.as_deref())? as _,
        &column(rows, |(_, row)| row.closed_seq)? as _,
        &column(rows, |(_, row)| row.created_seq)?,
        &column(rows, |(_, row)| row.updated_seq)?,
    );
    write(tx, "account_upsert", rows.len(), query).await
}

pub(crate) async fn balance_upsert(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<(AccountNo, TokenId), u128>,
) -> Result<(), StoreError> {
    let account = column(rows, |((account, _), _)| *account)?;
    let token = column(rows, |((_, token), _)| *token)?;
    let amount = column(rows, |(_, amount)| *amount)?;
    // A balance that came and went inside the change has no row to delete, so this count is not checked.
    sqlx::query!(
        "DELETE FROM balances b
         USING unnest($1::bigint[], $2::integer[], $3::numeric[]) AS row (account, token, amount)
         WHERE b.account = row.account AND b.token = row.token AND row.amount = 0",
        &account,
        &token,
        &amount,
    )
    .execute(&mut **tx)
    .await?;
    let query = sqlx::query!(
        "INSERT INTO balances (account, token, amount)
         SELECT account, token, amount
         FROM unnest($1::bigint[], $2::integer[], $3::numeric[]) AS row (account, token, amount)
         WHERE amount > 0
         ON CONFLICT (account, token) DO UPDATE SET amount = excluded.amount",
        &account,
        &token,
        &amount,
    );
    write(tx, "balance_upsert", rows.values().filter(|amount| **amount > 0).count(), query).await
}

/// Open accounts with their nodes, as the contract has them.
pub(crate) async fn account_load(db: &mut PgConnection) -> Result<BTreeMap<AccountNo, NamedAccount>, StoreError> {
    let mut nodes = node_load(db).await?;
    // A balance of a closed account is in none of these; reconciliation counts what the sums miss.
    let accounts = account_list(db, None, u32::MAX).await?;
    let named = |account: Account| {
        let Account { account, account_id, storage_paid, storage_used, in_flight, balances, keys, payout, .. } =
            account;
        let node = nodes.remove(&account);
        let row = view::Account { account, storage_paid, storage_used, in_flight, balances, node, keys, payout };
        (account, NamedAccount { account_id, row })
    };
    Ok(accounts.into_iter().map(named).collect())
}

/// The open account with this id.
///
/// # Errors
/// The read failed.
pub async fn account_get(db: &mut PgConnection, account_id: &str) -> Result<Option<Account>, StoreError> {
    let found = accounts(db, Some(account_id), None, 1).await?;
    Ok(found.into_iter().next())
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
    accounts(db, None, after, limit).await
}

async fn accounts(
    db: &mut PgConnection,
    account_id: Option<&str>,
    after: Option<AccountNo>,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    sqlx::query!(
        r#"SELECT a.account, a.account_id, a.storage_paid, a.storage_used, a.in_flight,
                  (SELECT coalesce(json_agg(json_build_object('token', b.token, 'amount', b.amount::text)
                                            ORDER BY b.token), '[]')
                   FROM balances b WHERE b.account = a.account) AS "balances!: Json<Vec<Balance>>",
                  a.keys AS "keys: Json<Vec<IntentKey>>", a.payout,
                  EXISTS(SELECT FROM nodes n WHERE n.account = a.account) AS "is_node!", a.updated_seq
           FROM accounts a
           WHERE a.closed_seq IS NULL AND ($1::text IS NULL OR a.account_id = $1) AND a.account > $2
           ORDER BY a.account
           LIMIT $3"#,
        account_id,
        after.map_or(-1, |account| i64::from(account.0)),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Account {
            account: AccountNo(narrow(row.account, "accounts.account")?),
            account_id: row.account_id,
            storage_paid: row.storage_paid.into(),
            storage_used: narrow(row.storage_used, "accounts.storage_used")?,
            in_flight: narrow(row.in_flight, "accounts.in_flight")?,
            balances: row.balances.0,
            keys: row.keys.0,
            payout: row.payout,
            is_node: row.is_node,
            updated_seq: narrow(row.updated_seq, "accounts.updated_seq")?,
        })
    })
    .collect()
}
