//! Slots: the copies of a lot's rounds, live and past.

use piecework_api::Slot;
use piecework_interface::ids::{AccountNo, BatchId, LotId};
use sqlx::PgConnection;

use super::{named, optional, rows};
use crate::{
    StoreError, Units,
    columns::{digest, items_of, narrow},
};

struct Row {
    batch: i64,
    lot: i64,
    claimed_seq: i64,
    node: i64,
    node_id: String,
    round: i16,
    phase: String,
    reserved_until: i64,
    commitment: Option<Vec<u8>>,
    answers: Option<Vec<u8>>,
    claimed_at: i64,
    committed_at: Option<i64>,
    revealed_at: Option<i64>,
    outcome: Option<String>,
    pay: Units,
    slash: Units,
    reputation: Option<i32>,
    agreed: Option<i64>,
    ended_at: Option<i64>,
}

/// Slots of a lot, live ones first, each in order of their claims.
///
/// # Errors
/// The read failed.
pub async fn slot_list_by_lot(
    db: &mut PgConnection,
    batch: BatchId,
    lot: LotId,
    limit: u32,
) -> Result<Vec<Slot>, StoreError> {
    let found = sqlx::query_as!(
        Row,
        "SELECT s.batch, s.lot, s.claimed_seq, s.node, a.account_id AS node_id, s.round, s.phase, s.reserved_until,
                s.commitment, s.answers, s.claimed_at, s.committed_at, s.revealed_at, s.outcome, s.pay, s.slash,
                s.reputation, s.agreed, s.ended_at
         FROM slots s JOIN accounts a ON a.account = s.node
         WHERE s.batch = $1 AND s.lot = $2
         ORDER BY s.outcome IS NOT NULL, s.claimed_seq
         LIMIT $3",
        i64::from(batch.0),
        i64::from(lot.0),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?;
    rows(found)
}

/// Slots of a node before the key `(claimed_seq, batch, lot)`, newest first. `live`: only live or only past ones.
///
/// # Errors
/// The read failed.
pub async fn slot_list_by_node(
    db: &mut PgConnection,
    node: AccountNo,
    live: Option<bool>,
    before: Option<(u64, BatchId, LotId)>,
    limit: u32,
) -> Result<Vec<Slot>, StoreError> {
    let (seq, batch, lot) = before.unwrap_or((u64::MAX, BatchId(u32::MAX), LotId(u32::MAX)));
    let found = sqlx::query_as!(
        Row,
        "SELECT s.batch, s.lot, s.claimed_seq, s.node, a.account_id AS node_id, s.round, s.phase, s.reserved_until,
                s.commitment, s.answers, s.claimed_at, s.committed_at, s.revealed_at, s.outcome, s.pay, s.slash,
                s.reputation, s.agreed, s.ended_at
         FROM slots s JOIN accounts a ON a.account = s.node
         WHERE s.node = $1
           AND ($2::boolean IS NULL OR (s.outcome IS NULL) = $2)
           AND (s.claimed_seq, s.batch, s.lot) < ($3, $4, $5)
         ORDER BY s.claimed_seq DESC, s.batch DESC, s.lot DESC
         LIMIT $6",
        i64::from(node.0),
        live,
        i64::try_from(seq).unwrap_or(i64::MAX),
        i64::from(batch.0),
        i64::from(lot.0),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?;
    rows(found)
}

impl TryFrom<Row> for Slot {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            batch: BatchId(narrow(row.batch, "slots.batch")?),
            lot: LotId(narrow(row.lot, "slots.lot")?),
            claimed_seq: narrow(row.claimed_seq, "slots.claimed_seq")?,
            node: AccountNo(narrow(row.node, "slots.node")?),
            node_id: row.node_id,
            round: narrow(row.round, "slots.round")?,
            phase: named(&row.phase, "slots.phase")?,
            reserved_until: narrow(row.reserved_until, "slots.reserved_until")?,
            commitment: row.commitment.map(|bytes| digest(bytes, "slots.commitment")).transpose()?,
            answers: row.answers,
            claimed_at: narrow(row.claimed_at, "slots.claimed_at")?,
            committed_at: optional(row.committed_at, "slots.committed_at")?,
            revealed_at: optional(row.revealed_at, "slots.revealed_at")?,
            outcome: row.outcome.map(|outcome| named(&outcome, "slots.outcome")).transpose()?,
            pay: row.pay.into(),
            slash: row.slash.into(),
            reputation: optional(row.reputation, "slots.reputation")?,
            agreed: row.agreed.map(items_of),
            ended_at: optional(row.ended_at, "slots.ended_at")?,
        })
    }
}
