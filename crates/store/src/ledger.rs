//! Movements of internal balances.

use piecework_api::LedgerEntry;
use piecework_interface::ids::{AccountNo, BatchId, LotId, TokenId};
use sqlx::{PgConnection, PgTransaction};

use crate::{
    StoreError,
    change::LedgerRow,
    columns::{AsName, column, named, narrow, optional, write},
};

pub(crate) async fn ledger_insert(tx: &mut PgTransaction<'_>, rows: &[LedgerRow]) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO ledger (seq, leg, account, token, kind, credit, amount, balance_after, batch, lot)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::boolean[],
                              $7::numeric[], $8::numeric[], $9::bigint[], $10::bigint[])",
        &column(rows, |row| row.seq)?,
        &column(rows, |row| row.leg)?,
        &column(rows, |row| row.movement.account)?,
        &column(rows, |row| row.movement.token)?,
        &column(rows, |row| AsName(row.movement.kind))?,
        &column(rows, |row| row.movement.credit)?,
        &column(rows, |row| row.movement.amount)?,
        &column(rows, |row| row.movement.balance_after)?,
        &column(rows, |row| row.movement.batch)? as _,
        &column(rows, |row| row.movement.lot)? as _,
    );
    write(tx, "ledger_insert", rows.len(), query).await
}

/// Movements of an account before the key `(seq, leg)`, newest first.
///
/// # Errors
/// The read failed.
pub async fn ledger_list_by_account(
    db: &mut PgConnection,
    account: AccountNo,
    before: Option<(u64, u32)>,
    limit: u32,
) -> Result<Vec<LedgerEntry>, StoreError> {
    let (seq, leg) = before.unwrap_or((u64::MAX, u32::MAX));
    sqlx::query!(
        r#"SELECT l.seq, l.leg, e.block_at, l.token, l.kind, l.credit, l.amount, l.balance_after, l.batch, l.lot,
                  other.account_id AS "counterparty_id?", t.memo AS "memo?"
           FROM ledger l JOIN events e USING (seq)
                -- The line's entry of a transfer: of equal ones the one that as many legs of the account come before.
                LEFT JOIN LATERAL (SELECT CASE WHEN l.credit THEN entry ->> 1 ELSE entry ->> 2 END::bigint AS account, entry ->> 5 AS memo
                                   FROM json_array_elements(e.entries) WITH ORDINALITY AS o(entry, place)
                                   WHERE l.kind = 'transfer' AND entry ->> 0 = 'transfer'
                                     AND CASE WHEN l.credit THEN entry ->> 2 ELSE entry ->> 1 END = l.account::text
                                     AND entry ->> 3 = l.token::text AND entry ->> 4 = l.amount::text
                                   ORDER BY place
                                   LIMIT 1
                                   OFFSET (SELECT count(*) FROM ledger b
                                           WHERE b.seq = l.seq AND b.leg < l.leg AND b.kind = 'transfer' AND b.credit = l.credit
                                             AND (b.account, b.token, b.amount) = (l.account, l.token, l.amount))) t ON true
                LEFT JOIN accounts other ON other.account = t.account
           WHERE l.account = $1 AND (l.seq, l.leg) < ($2, $3)
           ORDER BY l.seq DESC, l.leg DESC
           LIMIT $4"#,
        i64::from(account.0),
        i64::try_from(seq).unwrap_or(i64::MAX),
        i32::try_from(leg).unwrap_or(i32::MAX),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(LedgerEntry {
            seq: narrow(row.seq, "ledger.seq")?,
            leg: narrow(row.leg, "ledger.leg")?,
            block_at: narrow(row.block_at, "events.block_at")?,
            token: TokenId(narrow(row.token, "ledger.token")?),
            kind: named(&row.kind, "ledger.kind")?,
            credit: row.credit,
            amount: row.amount.into(),
            balance_after: row.balance_after.into(),
            batch: optional(row.batch, "ledger.batch")?.map(BatchId),
            lot: optional(row.lot, "ledger.lot")?.map(LotId),
            counterparty_id: row.counterparty_id,
            memo: row.memo,
        })
    })
    .collect()
}
