//! Configuration, tokens, balances and the history of their movements.

use std::collections::BTreeMap;

use piecework_interface::{
    governance::Settings,
    ids::{AccountNo, TokenId},
    revenue::Revenue,
    view::Token,
};
use sqlx::PgTransaction;

use crate::{
    StoreError, Units,
    change::LedgerRow,
    columns::{expect_rows, json, name, narrow, widen},
};

pub(super) async fn settings_upsert(
    tx: &mut PgTransaction<'_>,
    stream: &str,
    (settings, revenue): (&Settings, &Revenue),
    seq: u64,
) -> Result<(), StoreError> {
    let written = sqlx::query!(
        "INSERT INTO config (stream, config, revenue, updated_seq)
         VALUES ($1, $2::text::jsonb, $3::text::jsonb, $4)
         ON CONFLICT (stream) DO UPDATE
         SET config = excluded.config, revenue = excluded.revenue, updated_seq = excluded.updated_seq",
        stream,
        json(settings)?,
        json(revenue)?,
        widen(seq, "config.updated_seq")?,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("settings_upsert", 1, written)
}

pub(super) async fn token_upsert(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<TokenId, (Token, u64)>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let number: Vec<i32> = rows.keys().map(|token| i32::from(token.0)).collect();
    let account_id: Vec<_> = rows.values().map(|(token, _)| token.account_id.clone()).collect();
    let units = |value: fn(&Token) -> Units| rows.values().map(|(token, _)| value(token)).collect::<Vec<_>>();
    let seq: Vec<i64> = rows.values().map(|(_, seq)| widen(*seq, "tokens.updated_seq")).collect::<Result<_, _>>()?;
    let written = sqlx::query!(
        "INSERT INTO tokens (token, account_id, min_reward, rep_unit, bond_rate, pool, in_flight, updated_seq)
         SELECT * FROM unnest($1::integer[], $2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[],
                              $7::numeric[], $8::bigint[])
         ON CONFLICT (token) DO UPDATE
         SET account_id = excluded.account_id, min_reward = excluded.min_reward, rep_unit = excluded.rep_unit,
             bond_rate = excluded.bond_rate, pool = excluded.pool, in_flight = excluded.in_flight,
             updated_seq = excluded.updated_seq",
        &number,
        &account_id,
        &units(|token| token.min_reward.into()),
        &units(|token| token.rep_unit.into()),
        &units(|token| token.bond_rate.into()),
        &units(|token| token.pool.into()),
        &units(|token| token.in_flight.into()),
        &seq,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("token_upsert", rows.len(), written)
}

pub(super) async fn balance_upsert(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<(AccountNo, TokenId), u128>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let account: Vec<i64> = rows.keys().map(|(account, _)| i64::from(account.0)).collect();
    let token: Vec<i32> = rows.keys().map(|(_, token)| i32::from(token.0)).collect();
    let amount: Vec<_> = rows.values().map(|amount| Units(*amount)).collect();
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
    let written = sqlx::query!(
        "INSERT INTO balances (account, token, amount)
         SELECT account, token, amount
         FROM unnest($1::bigint[], $2::integer[], $3::numeric[]) AS row (account, token, amount)
         WHERE amount > 0
         ON CONFLICT (account, token) DO UPDATE SET amount = excluded.amount",
        &account,
        &token,
        &amount,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("balance_upsert", rows.values().filter(|amount| **amount > 0).count(), written)
}

pub(super) async fn ledger_insert(tx: &mut PgTransaction<'_>, rows: &[LedgerRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let seq: Vec<i64> = rows.iter().map(|row| widen(row.seq, "ledger.seq")).collect::<Result<_, _>>()?;
    let leg: Vec<i32> = rows.iter().map(|row| narrow(row.leg, "ledger.leg")).collect::<Result<_, _>>()?;
    let account: Vec<i64> = rows.iter().map(|row| i64::from(row.movement.account.0)).collect();
    let token: Vec<i32> = rows.iter().map(|row| i32::from(row.movement.token.0)).collect();
    let kind: Vec<String> = rows.iter().map(|row| name(&row.movement.kind)).collect::<Result<_, _>>()?;
    let credit: Vec<_> = rows.iter().map(|row| row.movement.credit).collect();
    let amount: Vec<_> = rows.iter().map(|row| Units(row.movement.amount)).collect();
    let balance_after: Vec<_> = rows.iter().map(|row| Units(row.movement.balance_after)).collect();
    let batch: Vec<Option<i64>> = rows.iter().map(|row| row.movement.batch.map(|batch| i64::from(batch.0))).collect();
    let lot: Vec<Option<i64>> = rows.iter().map(|row| row.movement.lot.map(|lot| i64::from(lot.0))).collect();
    let inserted = sqlx::query!(
        "INSERT INTO ledger (seq, leg, account, token, kind, credit, amount, balance_after, batch, lot)
         SELECT * FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::integer[], $5::text[], $6::boolean[],
                              $7::numeric[], $8::numeric[], $9::bigint[], $10::bigint[])",
        &seq,
        &leg,
        &account,
        &token,
        &kind,
        &credit,
        &amount,
        &balance_after,
        &batch as &[Option<i64>],
        &lot as &[Option<i64>],
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    expect_rows("ledger_insert", rows.len(), inserted)
}
