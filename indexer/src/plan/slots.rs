//! Slots with their history. The contract's record of a slot has only its phase; the rows also tell when it was claimed,
//! committed and revealed, and how it ended.

use std::collections::BTreeMap;

use piecework_interface::{
    event::{Entry, Line},
    ids::{AccountNo, BatchId, LotId},
    view::{OpenBatch, Slot, SlotPhase},
};
use piecework_replay::{Changes, EndedSlot, Mirror};
use piecework_store::{
    change::{SlotEnded, SlotRow},
    slot,
};

/// Slots that have not ended. A node holds at most one slot of a lot.
#[derive(Clone, Debug)]
pub(super) struct LiveSlots(BTreeMap<(BatchId, LotId, AccountNo), Live>);

#[derive(Clone, Debug)]
struct Live {
    claimed_seq: u64,
    row: SlotRow,
}

impl LiveSlots {
    pub fn new(rows: slot::LiveSlots) -> Self {
        let live = |((batch, lot, claimed_seq), row): (_, SlotRow)| ((batch, lot, row.node), Live { claimed_seq, row });
        Self(rows.into_iter().map(live).collect())
    }

    /// Takes in what a line did to slots: first those that ended, then the lots that still have records.
    pub fn apply(
        &mut self,
        line: &Line,
        now_s: u32,
        changes: &Changes,
        mirror: &Mirror,
        rows: &mut BTreeMap<(BatchId, LotId, u64), SlotRow>,
    ) {
        let seen = Seen { line, now_s, changes };
        let claim_ttl_s = |batch| open_batch(mirror, changes, batch).map_or(0, |open| open.terms.claim_ttl_s);
        for ended in &changes.ended {
            let (batch, lot) = (ended.batch, ended.lot);
            let live = self.0.remove(&(batch, lot, ended.slot.node));
            let mut live = live.unwrap_or_else(|| seen.claimed(&ended.slot, claim_ttl_s(batch)));
            seen.absorb(&mut live.row, batch, lot, &ended.slot);
            live.row.position = None;
            live.row.end = Some(end(ended, now_s));
            rows.insert((batch, lot, live.claimed_seq), live.row);
        }
        for (batch, lot) in &changes.lots {
            let held = mirror.lots.get(&(*batch, *lot)).map_or(&[][..], |state| &state.slots);
            for (position, slot) in (0..).zip(held) {
                let live =
                    self.0.entry((*batch, *lot, slot.node)).or_insert_with(|| seen.claimed(slot, claim_ttl_s(*batch)));
                seen.absorb(&mut live.row, *batch, *lot, slot);
                live.row.position = Some(position);
                rows.insert((*batch, *lot, live.claimed_seq), live.row.clone());
            }
        }
    }
}

/// A line, its time, and what it changed.
struct Seen<'a> {
    line: &'a Line,
    now_s: u32,
    changes: &'a Changes,
}

impl Seen<'_> {
    /// A slot that this line claimed. If the same line committed it, only the terms still tell its reservation.
    fn claimed(&self, slot: &Slot, claim_ttl_s: u32) -> Live {
        let reserved_until = match slot.phase {
            SlotPhase::Reserved(until) => until,
            _ => self.now_s.saturating_add(claim_ttl_s),
        };
        let row = SlotRow {
            node: slot.node,
            operator: slot.operator,
            round: slot.round,
            position: None,
            reserved_until,
            claimed_at: self.now_s,
            committed: None,
            revealed: None,
            end: None,
        };
        Live { claimed_seq: self.line.seq, row }
    }

    /// Takes over a phase that the row does not have yet.
    fn absorb(&self, row: &mut SlotRow, batch: BatchId, lot: LotId, slot: &Slot) {
        let commitment = match &slot.phase {
            SlotPhase::Reserved(_) => None,
            SlotPhase::Committed(commitment) => Some(*commitment),
            // Committed and revealed by one line: only the line still tells the commitment.
            SlotPhase::Revealed(_) => self.line.log.iter().find_map(|entry| match entry {
                Entry::Committed { batch: of, lot: at, commitment } if (*of, *at) == (batch, lot) => Some(*commitment),
                _ => None,
            }),
        };
        if row.committed.is_none() {
            row.committed = commitment.map(|commitment| (commitment, self.now_s));
        }
        if matches!(slot.phase, SlotPhase::Revealed(_)) && row.revealed.is_none() {
            let reveal =
                (0..).zip(&self.changes.reveals).find(|(_, reveal)| (reveal.batch, reveal.lot) == (batch, lot));
            row.revealed = reveal.map(|(position, _)| ((self.line.seq, position), self.now_s));
        }
    }
}

fn end(ended: &EndedSlot, ended_at: u32) -> SlotEnded {
    let EndedSlot { end, pay, slash, reputation, agreed, .. } = ended;
    SlotEnded { end: *end, pay: *pay, slash: *slash, reputation: *reputation, agreed: *agreed, ended_at }
}

/// A batch that is open, or was until this line closed it.
fn open_batch<'a>(mirror: &'a Mirror, changes: &'a Changes, batch: BatchId) -> Option<&'a OpenBatch> {
    let closed = || changes.closed.iter().find(|(number, _)| *number == batch).map(|(_, open)| open);
    mirror.batches.get(&batch).and_then(|row| row.open.as_ref()).or_else(closed)
}
