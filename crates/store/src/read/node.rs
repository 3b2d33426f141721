//! Nodes, with what they earned.

use piecework_api::Node;
use piecework_interface::{
    ids::{AccountNo, ClassId},
    view::NodeStatus,
};
use serde::Serialize;
use sqlx::PgConnection;

use super::account::balances;
use crate::{
    StoreError, Units,
    columns::{class_record, name, narrow, node_view},
};

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
        status,
        filter.class.map(|class| i32::from(class.0)),
        after.map_or(-1, |account| i64::from(account.0)),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let classes = row.classes.iter().zip(&row.reputations).zip(row.stepped_at.iter().zip(&row.declared));
        let classes = classes
            .map(|((class, reputation), (stepped_at, declared))| {
                class_record(*class, *reputation, *stepped_at, *declared)
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Node {
            account: AccountNo(narrow(row.account, "nodes.account")?),
            account_id: row.account_id,
            record: node_view!(row, classes),
            earned: balances(&row.earned_tokens, &row.earned_amounts)?,
            slashed: row.slashed.into(),
            agreed_items: narrow(row.agreed_items, "slots.agreed")?,
            updated_seq: narrow(row.updated_seq, "accounts.updated_seq")?,
        })
    })
    .collect()
}
