//! One journal line: the rows it changes.

use piecework_chain::FinalBlock;
use piecework_compact::json::Text;
use piecework_interface::{
    event::{Entry, Line},
    ids::{AccountNo, BatchId, LotId},
};
use piecework_replay::{AppendedSegment, Applied, Changes, Mirror, NamedAccount};
use piecework_store::change::{
    AccountRow, BatchRow, ChallengeRow, Change, EventRow, Extent, LedgerRow, LotRow, NewBatch, SegmentRow,
};

use super::{PlanError, slots::LiveSlots, stakes::Stakes};

/// Where and when a line was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub block_height: u64,
    /// The height as the contract records it.
    pub height: u32,
    /// Unix seconds, as the contract reads its clock.
    pub now_s: u32,
}

impl Place {
    pub fn of(block: &FinalBlock) -> Result<Self, PlanError> {
        let now_s = u32::try_from(block.timestamp_ns / 1_000_000_000);
        Self::at(block.height, now_s.map_err(|_| PlanError::Range { height: block.height })?)
    }

    pub fn at(block_height: u64, now_s: u32) -> Result<Self, PlanError> {
        let height = u32::try_from(block_height).map_err(|_| PlanError::Range { height: block_height })?;
        Ok(Self { block_height, height, now_s })
    }
}

/// The rows that lines change, and the slots that have not ended.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub slots: LiveSlots,
    pub stakes: Stakes,
    pub change: Change,
}

impl Rows {
    /// Takes over what a line changed in the mirror.
    pub fn line(
        &mut self,
        mirror: &Mirror,
        place: Place,
        receipt_id: &str,
        Applied { line, text, mut changes }: Applied<'_>,
    ) {
        // A batch's `updated_seq` counts changes of its lots too: a reader compares one number.
        changes.batches.extend(changes.lots.iter().map(|(batch, _)| *batch));
        let seq = line.seq;
        self.change.events.push(EventRow {
            seq,
            height: place.block_height,
            receipt_id: receipt_id.to_owned(),
            block_at: place.now_s,
            event: line.event.clone(),
            node: line.node,
            batches: changes.batches.iter().copied().collect(),
            accounts: changes.accounts.iter().copied().collect(),
            entries: entries_json(&line.log),
            line: text.to_owned(),
        });
        self.changed(mirror, &line, place, changes);
    }

    fn changed(&mut self, mirror: &Mirror, line: &Line, place: Place, changes: Changes) {
        let seq = line.seq;
        if changes.settings {
            self.change.settings = Some((mirror.settings.clone(), seq));
        }
        for class in &changes.classes {
            if let Some(row) = mirror.classes.get(class) {
                self.change.classes.insert(*class, (row.clone(), seq));
            }
        }
        for token in &changes.tokens {
            if let Some(row) = mirror.tokens.get(token) {
                self.change.tokens.insert(*token, (row.clone(), seq));
            }
        }
        for account in &changes.accounts {
            self.account(mirror, *account, seq, &changes.unregistered);
            self.change.stakes.extend(self.stakes.changed(mirror, *account, seq));
        }
        self.change.new_batches.extend(line.log.iter().filter_map(|entry| new_batch(mirror, &changes, entry, seq)));
        for batch in &changes.batches {
            self.batch(mirror, *batch, place.now_s, seq, &changes);
        }
        for key in &changes.lots {
            self.lot(mirror, *key, seq, &changes);
        }
        let challenges = line.log.iter().filter_map(|entry| challenge(entry, seq));
        self.change.challenges.extend((0..).zip(challenges).map(|(position, row)| ChallengeRow { position, ..row }));
        self.slots.apply(line, place.now_s, &changes, mirror, &mut self.change.slots);
        self.change.reveals.extend((0..).map(|position| (seq, position)).zip(changes.reveals));
        self.change.results.extend(changes.results);
        let segment =
            |(batch, AppendedSegment { segment, uri })| SegmentRow { batch, segment, uri: storable(&uri), seq };
        self.change.segments.extend(changes.appended.into_iter().map(segment));
        for (leg, movement) in (0_u32..).zip(changes.movements) {
            self.change.balances.insert((movement.account, movement.token), movement.balance_after);
            self.change.ledger.push(LedgerRow { seq, leg, movement });
        }
    }

    fn account(&mut self, mirror: &Mirror, account: AccountNo, seq: u64, unregistered: &[NamedAccount]) {
        let created_seq = self.change.accounts.get(&account).map_or(seq, |row| row.created_seq);
        let closed = || unregistered.iter().find(|named| named.row.account == account);
        let (named, closed_seq) = match mirror.accounts.get(&account) {
            Some(named) => (named, None),
            None => match closed() {
                Some(named) => (named, Some(seq)),
                None => return,
            },
        };
        let row = AccountRow {
            account_id: named.account_id.clone(),
            row: named.row.clone(),
            closed_seq,
            created_seq,
            updated_seq: seq,
        };
        self.change.accounts.insert(account, row);
    }

    fn batch(&mut self, mirror: &Mirror, batch: BatchId, now_s: u32, seq: u64, changes: &Changes) {
        let (row, status) = match mirror.batches.get(&batch) {
            Some(row) => (row, Some(row.status)),
            None => match changes.forgotten.iter().find(|row| row.batch == batch) {
                Some(row) => (row, None),
                None => return,
            },
        };
        let closed = changes.closed.iter().find(|(number, _)| *number == batch).map(|(_, open)| open);
        let before = self.change.batches.get(&batch);
        let last = row.open.as_ref().or(closed);
        let progress = last.map(|open| open.progress.clone());
        let extent = last.map(|open| Extent {
            items: open.items,
            appended: open.appended,
            expires_at: open.terms.expires_at,
            reward: open.terms.reward.0,
        });
        let row = BatchRow {
            status,
            progress: progress.or_else(|| before?.progress.clone()),
            extent: extent.or_else(|| before?.extent),
            escrow: row.open.as_ref().map_or(0, |open| open.escrow.0),
            settled: row.settled,
            results_root: row.results_root,
            callback: row.callback.clone(),
            ended_at: closed.map(|_| now_s).or_else(|| before?.ended_at),
            updated_seq: seq,
        };
        self.change.batches.insert(batch, row);
    }

    fn lot(&mut self, mirror: &Mirror, key: (BatchId, LotId), seq: u64, changes: &Changes) {
        let (state, settled) = match mirror.lots.get(&key) {
            Some(state) => (state.clone(), false),
            None => {
                let result = changes.results.iter().find(|result| (result.batch, result.lot) == key);
                (result.and_then(|result| result.record.clone()).unwrap_or_default(), true)
            }
        };
        self.change.lots.insert(key, LotRow { state, settled, updated_seq: seq });
    }
}

fn entries_json(log: &[Entry]) -> String {
    let mut out = Text::new();
    out.push(b'[');
    for (index, entry) in log.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        entry.write(&mut out);
    }
    out.push(b']');
    out.into_string()
}

/// The batch that an entry created.
fn new_batch(mirror: &Mirror, changes: &Changes, entry: &Entry, created_seq: u64) -> Option<NewBatch> {
    let Entry::BatchCreated { batch, uri, gold_root, .. } = entry else { return None };
    // One call may create a batch and end it.
    let closed = || changes.closed.iter().find(|(of, _)| of == batch).map(|(_, open)| open);
    let record = mirror.batches.get(batch).and_then(|row| row.open.as_ref()).or_else(closed)?.clone();
    Some(NewBatch { batch: *batch, record, uri: storable(uri), gold_root: *gold_root, created_seq })
}

/// A URI as text that Postgres takes: any account may create a batch, and its URI may hold a NUL.
fn storable(uri: &str) -> String {
    uri.replace('\0', "\u{fffd}")
}

/// The challenge that an entry made, as if it were the line's first.
fn challenge(entry: &Entry, seq: u64) -> Option<ChallengeRow> {
    let Entry::Challenged { batch, lot, account, items, deposit, evidence, replaced } = entry else { return None };
    Some(ChallengeRow {
        seq,
        position: 0,
        batch: *batch,
        lot: *lot,
        account: *account,
        items: items.0,
        deposit: deposit.0,
        evidence: *evidence,
        replaced: *replaced,
    })
}
