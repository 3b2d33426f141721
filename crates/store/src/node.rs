//! Nodes: their rows, the contract's record of them, and what they earned.

use std::collections::BTreeMap;

use piecework_api::Node;
use piecework_interface::{
    ids::{AccountNo, ClassId},
    view::{self, Balance, ClassRecord, NodeStatus},
};
use serde::Serialize;
use sqlx::{PgConnection, PgTransaction, types::Json};

use crate::{
    StoreError,
    change::AccountRow,
    columns::{AsName, column, name, named, narrow, optional, write},
};

type Accounts = BTreeMap<AccountNo, AccountRow>;

fn nodes_of(rows: &Accounts) -> Vec<(AccountNo, &view::Node)> {
    rows.iter().filter_map(|(account, row)| Some((*account, row.row.node.as_ref()?))).collect()
}

pub(crate) async fn node_upsert(tx: &mut PgTransaction<'_>, rows: &Accounts) -> Result<(), StoreError> {
    let rows = &nodes_of(rows);
    let query = sqlx::query!(
        "INSERT INTO nodes (account, stake, bonded, unbonding, unbonding_until, tickets, active_since, risen_at, last_seen,
                            reservations, registered_at, settled, status, asked, operator)
         SELECT * FROM unnest($1::bigint[], $2::numeric[], $3::numeric[], $4::numeric[], $5::bigint[], $6::smallint[],
                              $7::bigint[], $8::bigint[], $9::bigint[], $10::integer[], $11::bigint[], $12::bigint[],
                              $13::text[], $14::bigint[], $15::bigint[])
         ON CONFLICT (account) DO UPDATE
         SET stake = excluded.stake, bonded = excluded.bonded, unbonding = excluded.unbonding,
             unbonding_until = excluded.unbonding_until, tickets = excluded.tickets, active_since = excluded.active_since,
             risen_at = excluded.risen_at, last_seen = excluded.last_seen, reservations = excluded.reservations,
             registered_at = excluded.registered_at, settled = excluded.settled, status = excluded.status,
             asked = excluded.asked, operator = excluded.operator",
        &column(rows, |(account, _)| *account)?,
        &column(rows, |(_, node)| node.stake)?,
        &column(rows, |(_, node)| node.bonded)?,
        &column(rows, |(_, node)| node.unbonding)?,
        &column(rows, |(_, node)| node.unbonding_until)?,
        &column(rows, |(_, node)| node.tickets)?,
        &column(rows, |(_, node)| node.active_since)?,
        &column(rows, |(_, node)| node.risen_at)?,
        &column(rows, |(_, node)| node.last_seen)?,
        &column(rows, |(_, node)| node.reservations)?,
        &column(rows, |(_, node)| node.registered_at)?,
        &column(rows, |(_, node)| node.settled)?,
        &column(rows, |(_, node)| AsName(&node.status))?,
        &column(rows, |(_, node)| node.asked)? as _,
        &column(rows, |(_, node)| node.operator)? as _,
    );
    write(tx, "node_upsert", rows.len(), query).await
}

pub(crate) async fn node_class_upsert(tx: &mut PgTransaction<'_>, rows: &Accounts) -> Result<(), StoreError> {
    let nodes = nodes_of(rows).into_iter();
    let rows: &Vec<(AccountNo, &ClassRecord)> =
        &nodes.flat_map(|(account, node)| node.classes.iter().map(move |record| (account, record))).collect();
    let query = sqlx::query!(
        "INSERT INTO node_classes (account, class, reputation, stepped_at, declared, admitted, since, removed_at)
         SELECT * FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::bigint[], $5::boolean[], $6::boolean[],
                              $7::bigint[], $8::bigint[])
         ON CONFLICT (account, class) DO UPDATE
         SET reputation = excluded.reputation, stepped_at = excluded.stepped_at, declared = excluded.declared,
             admitted = excluded.admitted, since = excluded.since, removed_at = excluded.removed_at",
        &column(rows, |(account, _)| *account)?,
        &column(rows, |(_, record)| record.class)?,
        &column(rows, |(_, record)| record.reputation)?,
        &column(rows, |(_, record)| record.stepped_at)?,
        &column(rows, |(_, record)| record.declared)?,
        &column(rows, |(_, record)| record.admitted)?,
        &column(rows, |(_, record)| record.since)?,
        &column(rows, |(_, record)| record.removed_at)?,
    );
    write(tx, "node_class_upsert", rows.len(), query).await
}

/// The contract's record of a node, of a row with the columns of `nodes` and its classes as JSON.
macro_rules! record {
    ($row:expr) => {
        view::Node {
            stake: $row.stake.into(),
            bonded: $row.bonded.into(),
            unbonding: $row.unbonding.into(),
            unbonding_until: narrow($row.unbonding_until, "nodes.unbonding_until")?,
            tickets: narrow($row.tickets, "nodes.tickets")?,
            active_since: narrow($row.active_since, "nodes.active_since")?,
            risen_at: narrow($row.risen_at, "nodes.risen_at")?,
            last_seen: narrow($row.last_seen, "nodes.last_seen")?,
            reservations: narrow($row.reservations, "nodes.reservations")?,
            registered_at: narrow($row.registered_at, "nodes.registered_at")?,
            settled: narrow($row.settled, "nodes.settled")?,
            status: named(&$row.status, "nodes.status")?,
            classes: $row.classes.0,
            asked: optional($row.asked, "nodes.asked")?.map(AccountNo),
            operator: optional($row.operator, "nodes.operator")?.map(AccountNo),
        }
    };
}

/// Nodes as the contract has them.
pub(crate) async fn node_load(db: &mut PgConnection) -> Result<BTreeMap<AccountNo, view::Node>, StoreError> {
    sqlx::query!(
        r#"SELECT account, stake, bonded, unbonding, unbonding_until, tickets, active_since, risen_at, last_seen,
                  reservations, registered_at, settled, status, asked, operator,
                  (SELECT coalesce(json_agg(c ORDER BY c.class), '[]') FROM node_classes c WHERE c.account = n.account)
                      AS "classes!: Json<Vec<ClassRecord>>"
           FROM nodes n"#
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| Ok((AccountNo(narrow(row.account, "nodes.account")?), record!(row))))
    .collect()
}

/// Which nodes to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NodeFilter {
    /// Only this status.
    pub status: Option<NodeStatus>,
    /// Only nodes that declare this class now.
    pub class: Option<ClassId>,
}

/// The node of this account.
///
/// # Errors
/// The read failed.
pub async fn node_get(db: &mut PgConnection, account_id: &str) -> Result<Option<Node>, StoreError> {
    let found = nodes(db, Some(account_id), &NodeFilter::default(), None, 1).await?;
    Ok(found.into_iter().next())
}

/// Nodes behind `after`, by account number.
///
/// # Errors
/// The read failed.
pub async fn node_list(
    db: &mut PgConnection,
    filter: &NodeFilter,
    after: Option<AccountNo>,
    limit: u32,
) -> Result<Vec<Node>, StoreError> {
    nodes(db, None, filter, after, limit).await
}

async fn nodes(
    db: &mut PgConnection,
    account_id: Option<&str>,
    filter: &NodeFilter,
    after: Option<AccountNo>,
    limit: u32,
) -> Result<Vec<Node>, StoreError> {
    let status = filter.status.as_ref().map(name).transpose()?;
    sqlx::query!(
        r#"SELECT n.account, a.account_id, n.stake, n.bonded, n.unbonding, n.unbonding_until, n.tickets, n.active_since,
                  n.risen_at, n.last_seen, n.reservations, n.registered_at, n.settled, n.status, n.asked, n.operator,
                  (SELECT coalesce(json_agg(c ORDER BY c.class), '[]') FROM node_classes c WHERE c.account = n.account)
                      AS "classes!: Json<Vec<ClassRecord>>",
                  earned.balances AS "earned!: Json<Vec<Balance>>", past.slashed AS "slashed!",
                  past.agreed_items AS "agreed_items!", a.updated_seq
           FROM nodes n JOIN accounts a USING (account),
                LATERAL (SELECT coalesce(json_agg(json_build_object('token', t.token, 'amount', t.amount::text)
                                                  ORDER BY t.token), '[]') AS balances
                         FROM (SELECT l.token, sum(l.amount) AS amount
                               FROM ledger l
                               WHERE l.account = n.account AND l.kind IN ('pay', 'juror_fee', 'pot')
                               GROUP BY l.token) t) earned,
                LATERAL (SELECT coalesce(sum(s.slash), 0) AS slashed,
                                coalesce(sum(bit_count(s.agreed::bit(64))), 0)::bigint AS agreed_items
                         FROM slots s WHERE s.node = n.account) past
           WHERE a.closed_seq IS NULL
             AND ($1::text IS NULL OR a.account_id = $1)
             AND ($2::text IS NULL OR n.status = $2)
             AND ($3::integer IS NULL
                  OR EXISTS (SELECT FROM node_classes c WHERE c.account = n.account AND c.class = $3 AND c.declared))
             AND n.account > $4
           ORDER BY n.account
           LIMIT $5"#,
        account_id,
        status,
        filter.class.map(|class| i32::from(class.0)),
        after.map_or(-1, |account| i64::from(account.0)),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Node {
            account: AccountNo(narrow(row.account, "nodes.account")?),
            account_id: row.account_id,
            record: record!(row),
            earned: row.earned.0,
            slashed: row.slashed.into(),
            agreed_items: narrow(row.agreed_items, "slots.agreed")?,
            updated_seq: narrow(row.updated_seq, "accounts.updated_seq")?,
        })
    })
    .collect()
}
