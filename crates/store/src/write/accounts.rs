//! Accounts, their nodes and the nodes' classes.

use std::collections::BTreeMap;

use piecework_interface::{
    ids::AccountNo,
    view::{ClassRecord, Node},
};
use sqlx::PgTransaction;

use crate::{
    StoreError, Units,
    change::AccountRow,
    columns::{expect_rows, json, name, widen},
};

type Accounts = BTreeMap<AccountNo, AccountRow>;

pub(super) async fn account_upsert(tx: &mut PgTransaction<'_>, rows: &Accounts) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let account: Vec<i64> = rows.keys().map(|account| i64::from(account.0)).collect();
    let account_id: Vec<_> = rows.values().map(|row| row.account_id.clone()).collect();
    let storage_paid: Vec<_> = rows.values().map(|row| Units::from(row.row.storage_paid)).collect();
    let storage_used: Vec<i64> = rows.values().map(|row| i64::from(row.row.storage_used)).collect();
    let in_flight: Vec<i16> = rows.values().map(|row| i16::from(row.row.in_flight)).collect();
    let keys: Vec<String> = rows.values().map(|row| json(&row.row.keys)).collect::<Result<_, _>>()?;
    let closed_seq: Vec<Option<i64>> = rows
        .values()
        .map(|row| row.closed_seq.map(|seq| widen(seq, "accounts.closed_seq")).transpose())
        .collect::<Result<_, _>>()?;
    let created_seq: Vec<i64> =
        rows.values().map(|row| widen(row.created_seq, "accounts.created_seq")).collect::<Result<_, _>>()?;
    let updated_seq: Vec<i64> =
        rows.values().map(|row| widen(row.updated_seq, "accounts.updated_seq")).collect::<Result<_, _>>()?;
    let written = sqlx::query!(
        "INSERT INTO accounts (account, account_id, storage_paid, storage_used, in_flight, keys, closed_seq,
                               created_seq, updated_seq)
         SELECT account, account_id, storage_paid, storage_used, in_flight, keys::jsonb, closed_seq, created_seq, updated_seq
         FROM unnest($1::bigint[], $2::text[], $3::numeric[], $4::bigint[], $5::smallint[], $6::text[], $7::bigint[],
                     $8::bigint[], $9::bigint[])
              AS row (account, account_id, storage_paid, storage_used, in_flight, keys, closed_seq, created_seq, updated_seq)
         ON CONFLICT (account) DO UPDATE
         SET storage_paid = excluded.storage_paid, storage_used = excluded.storage_used, in_flight = excluded.in_flight,
             keys = excluded.keys, closed_seq = excluded.closed_seq, updated_seq = excluded.updated_seq",
        &account,
        &account_id,
        &storage_paid,
        &storage_used,
        &in_flight,
        &keys,
        &closed_seq as &[Option<i64>],
        &created_seq,
        &updated_seq,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("account_upsert", rows.len(), written)
}

fn nodes(rows: &Accounts) -> Vec<(i64, &Node)> {
    rows.iter().filter_map(|(account, row)| Some((i64::from(account.0), row.row.node.as_ref()?))).collect()
}

pub(super) async fn node_upsert(tx: &mut PgTransaction<'_>, rows: &Accounts) -> Result<(), StoreError> {
    let rows = nodes(rows);
    if rows.is_empty() {
        return Ok(());
    }
    let account: Vec<_> = rows.iter().map(|(account, _)| *account).collect();
    let units = |value: fn(&Node) -> Units| rows.iter().map(|(_, node)| value(node)).collect::<Vec<_>>();
    let number = |value: fn(&Node) -> u32| rows.iter().map(|(_, node)| i64::from(value(node))).collect::<Vec<_>>();
    let small = |value: fn(&Node) -> u8| rows.iter().map(|(_, node)| i16::from(value(node))).collect::<Vec<_>>();
    let slots: Vec<_> = rows.iter().map(|(_, node)| i32::from(node.slots)).collect();
    let status: Vec<String> = rows.iter().map(|(_, node)| name(&node.status)).collect::<Result<_, _>>()?;
    let written = sqlx::query!(
        "INSERT INTO nodes (account, stake, bonded, unbonding, unbonding_until, tickets, active_since, last_seen, slots,
                            faults, registered_at, settled, status, epoch_counted, epoch_tickets, epoch_before)
         SELECT * FROM unnest($1::bigint[], $2::numeric[], $3::numeric[], $4::numeric[], $5::bigint[], $6::smallint[],
                              $7::bigint[], $8::bigint[], $9::integer[], $10::smallint[], $11::bigint[], $12::bigint[],
                              $13::text[], $14::bigint[], $15::smallint[], $16::smallint[])
         ON CONFLICT (account) DO UPDATE
         SET stake = excluded.stake, bonded = excluded.bonded, unbonding = excluded.unbonding,
             unbonding_until = excluded.unbonding_until, tickets = excluded.tickets, active_since = excluded.active_since,
             last_seen = excluded.last_seen, slots = excluded.slots, faults = excluded.faults,
             registered_at = excluded.registered_at, settled = excluded.settled, status = excluded.status,
             epoch_counted = excluded.epoch_counted, epoch_tickets = excluded.epoch_tickets,
             epoch_before = excluded.epoch_before",
        &account,
        &units(|node| node.stake.into()),
        &units(|node| node.bonded.into()),
        &units(|node| node.unbonding.into()),
        &number(|node| node.unbonding_until),
        &small(|node| node.tickets),
        &number(|node| node.active_since),
        &number(|node| node.last_seen),
        &slots,
        &small(|node| node.faults),
        &number(|node| node.registered_at),
        &number(|node| node.settled),
        &status,
        &number(|node| node.part.counted),
        &small(|node| node.part.tickets),
        &small(|node| node.part.before),
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("node_upsert", rows.len(), written)
}

pub(super) async fn node_class_upsert(tx: &mut PgTransaction<'_>, rows: &Accounts) -> Result<(), StoreError> {
    let rows: Vec<(i64, &ClassRecord)> = nodes(rows)
        .into_iter()
        .flat_map(|(account, node)| node.classes.iter().map(move |class| (account, class)))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let account: Vec<_> = rows.iter().map(|(account, _)| *account).collect();
    let class: Vec<i32> = rows.iter().map(|(_, record)| i32::from(record.class.0)).collect();
    let reputation: Vec<i32> = rows.iter().map(|(_, record)| i32::from(record.reputation)).collect();
    let stepped_at: Vec<i64> = rows.iter().map(|(_, record)| i64::from(record.stepped_at)).collect();
    let declared: Vec<bool> = rows.iter().map(|(_, record)| record.declared).collect();
    let written = sqlx::query!(
        "INSERT INTO node_classes (account, class, reputation, stepped_at, declared)
         SELECT * FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::bigint[], $5::boolean[])
         ON CONFLICT (account, class) DO UPDATE
         SET reputation = excluded.reputation, stepped_at = excluded.stepped_at, declared = excluded.declared",
        &account,
        &class,
        &reputation,
        &stepped_at,
        &declared,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("node_class_upsert", rows.len(), written)
}
