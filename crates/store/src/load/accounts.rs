//! Accounts with balances and nodes.

use std::collections::BTreeMap;

use piecework_interface::{
    ids::{AccountNo, ClassId, TokenId},
    replay::NamedAccount,
    view::{Account, Balance, ClassRecord, Node},
};
use sqlx::PgConnection;

use crate::{
    StoreError,
    columns::{named, narrow},
};

pub(super) async fn account_list(conn: &mut PgConnection) -> Result<BTreeMap<AccountNo, NamedAccount>, StoreError> {
    let rows = sqlx::query!(
        "SELECT account, account_id, storage_paid, storage_used, in_flight FROM accounts WHERE closed_seq IS NULL"
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
                registered_at, settled, status
         FROM nodes"
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut nodes = BTreeMap::new();
    for row in rows {
        let node = Node {
            stake: row.stake.into(),
            bonded: row.bonded.into(),
            unbonding: row.unbonding.into(),
            unbonding_until: narrow(row.unbonding_until, "nodes.unbonding_until")?,
            tickets: narrow(row.tickets, "nodes.tickets")?,
            active_since: narrow(row.active_since, "nodes.active_since")?,
            last_seen: narrow(row.last_seen, "nodes.last_seen")?,
            slots: narrow(row.slots, "nodes.slots")?,
            faults: narrow(row.faults, "nodes.faults")?,
            registered_at: narrow(row.registered_at, "nodes.registered_at")?,
            settled: narrow(row.settled, "nodes.settled")?,
            status: named(&row.status, "nodes.status")?,
            classes: Vec::new(),
        };
        nodes.insert(AccountNo(narrow(row.account, "nodes.account")?), node);
    }

    let classes = sqlx::query!(
        "SELECT account, class, reputation, stepped_at, declared FROM node_classes ORDER BY account, class"
    )
    .fetch_all(conn)
    .await?;
    for row in classes {
        let record = ClassRecord {
            class: ClassId(narrow(row.class, "node_classes.class")?),
            reputation: narrow(row.reputation, "node_classes.reputation")?,
            stepped_at: narrow(row.stepped_at, "node_classes.stepped_at")?,
            declared: row.declared,
        };
        if let Some(node) = nodes.get_mut(&AccountNo(narrow(row.account, "node_classes.account")?)) {
            node.classes.push(record);
        }
    }
    Ok(nodes)
}
