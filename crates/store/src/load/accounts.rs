//! Accounts with balances and nodes.

use std::collections::BTreeMap;

use piecework_interface::{
    ids::{AccountNo, TokenId},
    key::IntentKey,
    view::{Account, Balance, Node},
};
use piecework_replay::NamedAccount;
use sqlx::{PgConnection, types::Json};

use crate::{
    StoreError,
    columns::{class_record, narrow, node_view},
};

pub(super) async fn account_list(conn: &mut PgConnection) -> Result<BTreeMap<AccountNo, NamedAccount>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT account, account_id, storage_paid, storage_used, in_flight, keys AS "keys: Json<Vec<IntentKey>>"
           FROM accounts
           WHERE closed_seq IS NULL"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut accounts = BTreeMap::new();
    for row in rows {
        let account = AccountNo(narrow(row.account, "accounts.account")?);
        let view = Account {
            account,
            storage_paid: row.storage_paid.into(),
            storage_used: narrow(row.storage_used, "accounts.storage_used")?,
            in_flight: narrow(row.in_flight, "accounts.in_flight")?,
            balances: Vec::new(),
            node: None,
            keys: row.keys.0,
        };
        accounts.insert(account, NamedAccount { account_id: row.account_id, row: view });
    }

    let balances = sqlx::query!("SELECT account, token, amount FROM balances ORDER BY account, token")
        .fetch_all(&mut *conn)
        .await?;
    for row in balances {
        let balance = Balance { token: TokenId(narrow(row.token, "balances.token")?), amount: row.amount.into() };
        // A balance of a closed account has nowhere to go here; reconciliation counts what the sums miss.
        if let Some(account) = accounts.get_mut(&AccountNo(narrow(row.account, "balances.account")?)) {
            account.row.balances.push(balance);
        }
    }

    let mut nodes = node_list(conn).await?;
    for (account, named) in &mut accounts {
        named.row.node = nodes.remove(account);
    }
    Ok(accounts)
}

async fn node_list(conn: &mut PgConnection) -> Result<BTreeMap<AccountNo, Node>, StoreError> {
    let rows = sqlx::query!(
        "SELECT account, stake, bonded, unbonding, unbonding_until, tickets, active_since, last_seen, slots, faults,
                registered_at, settled, status, epoch_counted, epoch_tickets, epoch_before
         FROM nodes"
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut nodes = BTreeMap::new();
    for row in rows {
        let node = node_view!(row, Vec::new());
        nodes.insert(AccountNo(narrow(row.account, "nodes.account")?), node);
    }

    let classes = sqlx::query!(
        "SELECT account, class, reputation, stepped_at, declared FROM node_classes ORDER BY account, class"
    )
    .fetch_all(conn)
    .await?;
    for row in classes {
        let record = class_record(row.class, row.reputation, row.stepped_at, row.declared)?;
        if let Some(node) = nodes.get_mut(&AccountNo(narrow(row.account, "node_classes.account")?)) {
            node.classes.push(record);
        }
    }
    Ok(nodes)
}
