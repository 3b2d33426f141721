//! Nodes, with what they earned.

use piecework_interface::{
    amount::Amount,
    ids::{AccountNo, ClassId},
    view::{Balance, NodeStatus},
};
use serde::Serialize;
use sqlx::PgConnection;

use super::{account::balances, rows};
use crate::{
    StoreError, Units,
    columns::{class_record, narrow, node_view},
};

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Account number.
    pub account: AccountNo,
    /// Account id.
    pub account_id: String,
    /// The record, as the contract's view answers it.
    pub record: piecework_interface::view::Node,
    /// What settled slots paid, by token.
    pub earned: Vec<Balance>,
    /// What was taken from the stake, yoctoNEAR.
    pub slashed: Amount,
    /// Items for which its answer was the accepted one.
    pub agreed_items: u64,
    /// Last line that changed its account, its balances or the node.
    pub updated_seq: u64,
}

/// Which nodes to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NodeFilter {
    /// Only this status.
    pub status: Option<NodeStatus>,
    /// Only nodes that declare this class now.
    pub class: Option<ClassId>,
}

struct Row {
    account: i64,
    account_id: String,
    stake: Units,
    bonded: Units,
    unbonding: Units,
    unbonding_until: i64,
    tickets: i16,
    active_since: i64,
    last_seen: i64,
    slots: i32,
    faults: i16,
    registered_at: i64,
    settled: i64,
    status: String,
    epoch_counted: i64,
    epoch_tickets: i16,
    epoch_before: i16,
    classes: Vec<i32>,
    reputations: Vec<i32>,
    stepped_at: Vec<i64>,
    declared: Vec<bool>,
    earned_tokens: Vec<i32>,
    earned_amounts: Vec<Units>,
    slashed: Units,
    agreed_items: i64,
    updated_seq: i64,
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
    let found = sqlx::query_as!(
        Row,
        r#"SELECT n.account, a.account_id, n.stake, n.bonded, n.unbonding, n.unbonding_until, n.tickets, n.active_since,
                  n.last_seen, n.slots, n.faults, n.registered_at, n.settled, n.status,
                  n.epoch_counted, n.epoch_tickets, n.epoch_before,
                  ARRAY(SELECT c.class FROM node_classes c WHERE c.account = n.account ORDER BY c.class) AS "classes!",
                  ARRAY(SELECT c.reputation FROM node_classes c WHERE c.account = n.account ORDER BY c.class)
                      AS "reputations!",
                  ARRAY(SELECT c.stepped_at FROM node_classes c WHERE c.account = n.account ORDER BY c.class)
                      AS "stepped_at!",
                  ARRAY(SELECT c.declared FROM node_classes c WHERE c.account = n.account ORDER BY c.class)
                      AS "declared!",
                  earned.tokens AS "earned_tokens!", earned.amounts AS "earned_amounts!: Vec<Units>",
                  past.slashed AS "slashed!", past.agreed_items AS "agreed_items!", a.updated_seq
           FROM nodes n JOIN accounts a USING (account),
                LATERAL (SELECT coalesce(array_agg(t.token ORDER BY t.token), '{}') AS tokens,
                                coalesce(array_agg(t.amount ORDER BY t.token), '{}') AS amounts
                         FROM (SELECT b.token, sum(s.pay) AS amount
                               FROM slots s JOIN batches b USING (batch)
                               WHERE s.node = n.account AND s.pay > 0
                               GROUP BY b.token) t) earned,
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
        filter.status.map(status_name),
        filter.class.map(|class| i32::from(class.0)),
        after.map_or(-1, |account| i64::from(account.0)),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?;
    rows(found)
}

const fn status_name(status: NodeStatus) -> &'static str {
    match status {
        NodeStatus::Active => "active",
        NodeStatus::Paused => "paused",
        NodeStatus::Silent => "silent",
    }
}

impl TryFrom<Row> for Node {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let classes = row.classes.iter().zip(&row.reputations).zip(row.stepped_at.iter().zip(&row.declared));
        let classes = classes
            .map(|((class, reputation), (stepped_at, declared))| {
                class_record(*class, *reputation, *stepped_at, *declared)
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Self {
            account: AccountNo(narrow(row.account, "nodes.account")?),
            account_id: row.account_id,
            record: node_view!(row, classes),
            earned: balances(&row.earned_tokens, &row.earned_amounts)?,
            slashed: row.slashed.into(),
            agreed_items: narrow(row.agreed_items, "slots.agreed")?,
            updated_seq: narrow(row.updated_seq, "accounts.updated_seq")?,
        })
    }
}
