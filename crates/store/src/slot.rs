//! Slots: the copies of a lot's rounds, live and past. The answers of a slot stand in the reveal that it refers to.

use std::collections::BTreeMap;

use piecework_api::{Slot, SlotPhase};
use piecework_interface::{
    history::SlotEnd,
    ids::{AccountNo, BatchId, LotId},
    view,
};
use sqlx::{PgConnection, PgTransaction};

use crate::{
    StoreError,
    change::{SlotEnded, SlotRow},
    columns::{AsName, column, digest, item_bits, items_of, named, narrow, optional, write},
};

/// Live slots by batch, lot and line of the claim. A row has the times of claim, commit and reveal, which the contract does not
/// keep.
pub type LiveSlots = BTreeMap<(BatchId, LotId, u64), SlotRow>;

/// The live slots of each lot in their order, as the contract has them.
pub(crate) type SlotsByLot = BTreeMap<(BatchId, LotId), Vec<view::Slot>>;

pub(crate) async fn slot_upsert(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<(BatchId, LotId, u64), SlotRow>,
) -> Result<(), StoreError> {
    let agreed = |ended: &SlotEnded| (ended.end == SlotEnd::Settled).then(|| item_bits(ended.agreed));
    let query = sqlx::query!(
        "INSERT INTO slots (batch, lot, claimed_seq, node, operator, round, position, phase, reserved_until, commitment,
                            reveal_seq, reveal_position, claimed_at, committed_at, revealed_at, outcome, pay, slash, reputation,
                            agreed, ended_at)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[],
                              $7::smallint[], $8::text[], $9::bigint[], $10::bytea[], $11::bigint[], $12::smallint[],
                              $13::bigint[], $14::bigint[], $15::bigint[], $16::text[], $17::numeric[], $18::numeric[],
                              $19::integer[], $20::bigint[], $21::bigint[])
         ON CONFLICT (batch, lot, claimed_seq) DO UPDATE
         SET position = excluded.position, phase = excluded.phase, commitment = excluded.commitment,
             reveal_seq = excluded.reveal_seq, reveal_position = excluded.reveal_position,
             committed_at = excluded.committed_at, revealed_at = excluded.revealed_at,
             outcome = excluded.outcome, pay = excluded.pay, slash = excluded.slash, reputation = excluded.reputation,
             agreed = excluded.agreed, ended_at = excluded.ended_at
         WHERE slots.outcome IS NULL",
        &column(rows, |((batch, ..), _)| *batch)?,
        &column(rows, |((_, lot, _), _)| *lot)?,
        &column(rows, |((.., seq), _)| *seq)?,
        &column(rows, |(_, row)| row.node)?,
        &column(rows, |(_, row)| row.operator)?,
        &column(rows, |(_, row)| row.round)?,
        &column(rows, |(_, row)| row.position)? as _,
        &column(rows, |(_, row)| AsName(phase(row)))?,
        &column(rows, |(_, row)| row.reserved_until)?,
        &column(rows, |(_, row)| Some(row.committed?.0))? as _,
        &column(rows, |(_, row)| Some(row.revealed?.0.0))? as _,
        &column(rows, |(_, row)| Some(row.revealed?.0.1))? as _,
        &column(rows, |(_, row)| row.claimed_at)?,
        &column(rows, |(_, row)| Some(row.committed?.1))? as _,
        &column(rows, |(_, row)| Some(row.revealed?.1))? as _,
        &column(rows, |(_, row)| row.end.as_ref().map(|ended| AsName(ended.end)))? as _,
        &column(rows, |(_, row)| row.end.as_ref().map_or(0, |ended| ended.pay))?,
        &column(rows, |(_, row)| row.end.as_ref().map_or(0, |ended| ended.slash))?,
        &column(rows, |(_, row)| row.end.as_ref()?.reputation)? as _,
        &column(rows, |(_, row)| row.end.as_ref().and_then(agreed))? as _,
        &column(rows, |(_, row)| Some(row.end.as_ref()?.ended_at))? as _,
    );
    // A slot that ended never changes again: its row would be missing from the count.
    write(tx, "slot_upsert", rows.len(), query).await
}

const fn phase(row: &SlotRow) -> SlotPhase {
    match (&row.committed, &row.revealed) {
        (_, Some(_)) => SlotPhase::Revealed,
        (Some(_), None) => SlotPhase::Committed,
        (None, None) => SlotPhase::Reserved,
    }
}

/// Loads the live slots twice: as rows with their times, and as the contract has them.
pub(crate) async fn slot_load(db: &mut PgConnection) -> Result<(LiveSlots, SlotsByLot), StoreError> {
    let rows = sqlx::query!(
        r#"SELECT s.batch, s.lot, s.claimed_seq, s.node, s.operator, s.round, s.position, s.reserved_until, s.commitment,
                  s.claimed_at, s.committed_at, s.revealed_at, r.seq AS "reveal_seq?", r.position AS "reveal_position?",
                  r.answers AS "answers?"
           FROM slots s LEFT JOIN reveals r ON r.seq = s.reveal_seq AND r.position = s.reveal_position
           WHERE s.outcome IS NULL
           ORDER BY s.batch, s.lot, s.position"#
    )
    .fetch_all(db)
    .await?;
    let (mut live, mut by_lot) = (LiveSlots::new(), SlotsByLot::new());
    for row in rows {
        let (batch, lot) = (BatchId(narrow(row.batch, "slots.batch")?), LotId(narrow(row.lot, "slots.lot")?));
        let commitment = row.commitment.map(|bytes| digest(bytes, "slots.commitment")).transpose()?;
        let reveal = optional(row.reveal_seq, "slots.reveal_seq")?;
        let reveal = reveal.zip(optional(row.reveal_position, "slots.reveal_position")?);
        let slot = SlotRow {
            node: AccountNo(narrow(row.node, "slots.node")?),
            operator: AccountNo(narrow(row.operator, "slots.operator")?),
            round: narrow(row.round, "slots.round")?,
            position: optional(row.position, "slots.position")?,
            reserved_until: narrow(row.reserved_until, "slots.reserved_until")?,
            claimed_at: narrow(row.claimed_at, "slots.claimed_at")?,
            committed: commitment.zip(optional(row.committed_at, "slots.committed_at")?),
            revealed: reveal.zip(optional(row.revealed_at, "slots.revealed_at")?),
            end: None,
        };
        let phase = match (row.answers, commitment) {
            (Some(answers), _) => view::SlotPhase::Revealed(answers),
            (None, Some(commitment)) => view::SlotPhase::Committed(commitment),
            (None, None) => view::SlotPhase::Reserved(slot.reserved_until),
        };
        let live_slot = view::Slot { node: slot.node, operator: slot.operator, round: slot.round, phase };
        by_lot.entry((batch, lot)).or_default().push(live_slot);
        live.insert((batch, lot, narrow(row.claimed_seq, "slots.claimed_seq")?), slot);
    }
    Ok((live, by_lot))
}

/// Slots with their node's account and their answers: those that `$tail` of the statement chooses, in its order.
macro_rules! slots {
    ($db:expr, $tail:literal, $($argument:expr),* $(,)?) => {
        sqlx::query!(
            r#"SELECT s.batch, s.lot, s.claimed_seq, s.node, a.account_id AS node_id, s.operator, s.round, s.phase,
                      s.reserved_until, s.commitment, r.answers AS "answers?", s.claimed_at, s.committed_at, s.revealed_at, s.outcome, s.pay,
                      s.slash, s.reputation, s.agreed, s.ended_at,
                      CASE WHEN s.round = 2 AND s.outcome = 'settled'
                           THEN (SELECT coalesce(sum(l.amount), 0)
                                 FROM results q JOIN batches b USING (batch)
                                      JOIN ledger l ON l.account = s.node AND l.seq = q.seq AND l.kind = 'juror_fee' AND l.token = b.token
                                                       AND l.batch = s.batch AND l.lot = s.lot
                                 WHERE q.batch = s.batch AND q.lot = s.lot)
                           ELSE 0 END AS "juror_fee!"
               FROM slots s
                    JOIN accounts a ON a.account = s.node
                    LEFT JOIN reveals r ON r.seq = s.reveal_seq AND r.position = s.reveal_position
               "# + $tail,
            $($argument),*
        )
        .fetch_all($db)
        .await?
        .into_iter()
        .map(|row| {
            Ok(Slot {
                batch: BatchId(narrow(row.batch, "slots.batch")?),
                lot: LotId(narrow(row.lot, "slots.lot")?),
                claimed_seq: narrow(row.claimed_seq, "slots.claimed_seq")?,
                node: AccountNo(narrow(row.node, "slots.node")?),
                node_id: row.node_id,
                operator: AccountNo(narrow(row.operator, "slots.operator")?),
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
                juror_fee: row.juror_fee.into(),
                slash: row.slash.into(),
                reputation: optional(row.reputation, "slots.reputation")?,
                agreed: row.agreed.map(items_of),
                ended_at: optional(row.ended_at, "slots.ended_at")?,
            })
        })
        .collect()
    };
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
    slots!(
        db,
        "WHERE s.batch = $1 AND s.lot = $2
         ORDER BY s.outcome IS NOT NULL, s.claimed_seq
         LIMIT $3",
        i64::from(batch.0),
        i64::from(lot.0),
        i64::from(limit),
    )
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
    slots!(
        db,
        "WHERE s.node = $1
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
}
