//! One journal line: the rows it changes.

use piecework_chain::FinalBlock;
use piecework_compact::json::Text;
use piecework_interface::{
    event::{Entry, Line},
    host::sha256,
    ids::{AccountNo, BatchId, LotId},
    op::Op,
    view::Batch,
};
use piecework_replay::{Context, NamedAccount, Touched};
use piecework_store::change::{
    AccountRow, BatchRow, EventRow, LedgerRow, LotRow, NewBatch, ResultRow, RevealRow, RowStatus,
};

use super::{PlanError, Planner};

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

/// Rows that a line takes out of the mirror, as they were before it.
#[derive(Default)]
struct Leaving {
    accounts: Vec<NamedAccount>,
    batches: Vec<Batch>,
}

impl Planner {
    /// Applies a log line of a receipt. Lines of other standards are none of the mirror's business.
    pub(super) fn line(&mut self, text: &str, receipt_id: &str, place: Place, ops: &[Op]) -> Result<(), PlanError> {
        let unreadable = |source| PlanError::Line { receipt_id: receipt_id.to_owned(), source };
        let Some(line) = Line::parse(text).map_err(unreadable)? else {
            return Ok(());
        };
        let leaving = self.leaving(&line);
        let context = Context { now_s: place.now_s, height: place.height, text, ops };
        let touched = self.mirror.apply(&line, &context).map_err(|source| PlanError::Replay {
            receipt_id: receipt_id.to_owned(),
            height: place.block_height,
            source,
        })?;

        self.change.events.push(EventRow {
            seq: line.seq,
            height: place.block_height,
            receipt_id: receipt_id.to_owned(),
            block_at: place.now_s,
            event: line.event.clone(),
            node: line.node,
            entries: entries_json(&line.log),
            line: text.to_owned(),
        });
        self.change.reveals.extend(reveals(&line, ops));
        self.rows(&line, place, touched, leaving);
        Ok(())
    }

    fn leaving(&self, line: &Line) -> Leaving {
        let mut leaving = Leaving::default();
        for entry in &line.log {
            match entry {
                Entry::AccountClosed { account } => leaving.accounts.extend(self.mirror.accounts.get(account).cloned()),
                Entry::BatchForgotten { batch } => leaving.batches.extend(self.mirror.batches.get(batch).cloned()),
                _ => {}
            }
        }
        leaving
    }

    fn rows(&mut self, line: &Line, place: Place, mut touched: Touched, leaving: Leaving) {
        let seq = line.seq;
        if touched.settings || touched.revenue {
            self.change.settings = Some((self.mirror.settings.clone(), self.mirror.revenue.clone(), seq));
        }
        for token in &touched.tokens {
            if let Some(row) = self.mirror.tokens.get(token) {
                self.change.tokens.insert(*token, (row.clone(), seq));
            }
        }
        for account in &touched.accounts {
            self.account(*account, seq, &leaving.accounts);
        }
        self.change.new_batches.extend(line.log.iter().filter_map(|entry| new_batch(entry, place.now_s, seq)));
        // A batch's version counts its lots' changes too, so that one number tells a reader whether to look again.
        touched.batches.extend(touched.lots.iter().map(|(batch, _)| *batch));
        for batch in &touched.batches {
            self.batch(*batch, place.now_s, seq, &touched, &leaving.batches);
        }
        for key in &touched.lots {
            self.lot(*key, seq, &touched);
        }
        self.slots.apply(line, place.now_s, &touched, &self.mirror, &mut self.change.slots);
        self.change.results.extend(touched.results.drain(..).map(|result| ResultRow {
            batch: result.batch,
            lot: result.lot,
            n: result.n,
            accepted: result.accepted,
            digest: result.digest,
            answers: result.answers,
            fee: result.fee,
            refund: result.refund,
            settled_at: place.now_s,
            seq,
        }));
        for (leg, movement) in (0_u32..).zip(touched.movements.drain(..)) {
            self.change.balances.insert((movement.account, movement.token), movement.balance_after);
            self.change.ledger.push(LedgerRow { seq, leg, movement });
        }
    }

    fn account(&mut self, account: AccountNo, seq: u64, leaving: &[NamedAccount]) {
        let created_seq = self.change.accounts.get(&account).map_or(seq, |row| row.created_seq);
        let closed = || leaving.iter().find(|named| named.row.account == account);
        let (named, closed_seq) = match self.mirror.accounts.get(&account) {
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

    fn batch(&mut self, batch: BatchId, now_s: u32, seq: u64, touched: &Touched, leaving: &[Batch]) {
        let (row, status) = match self.mirror.batches.get(&batch) {
            Some(row) => (row, RowStatus::Kept(row.status)),
            None => match leaving.iter().find(|row| row.batch == batch) {
                Some(row) => (row, RowStatus::Forgotten),
                None => return,
            },
        };
        let closed = touched.closed.iter().find(|(number, _)| *number == batch).map(|(_, open)| open);
        let before = self.change.batches.get(&batch);
        let progress = row.open.as_ref().or(closed).map(|open| open.progress.clone());
        let row = BatchRow {
            status,
            progress: progress.or_else(|| before?.progress.clone()),
            escrow: row.open.as_ref().map_or(0, |open| open.escrow.0),
            settled: row.settled,
            results_root: row.results_root,
            callback: row.callback.clone(),
            ended_at: closed.map(|_| now_s).or_else(|| before?.ended_at),
            updated_seq: seq,
        };
        self.change.batches.insert(batch, row);
    }

    fn lot(&mut self, key: (BatchId, LotId), seq: u64, touched: &Touched) {
        let (state, settled) = match self.mirror.lots.get(&key) {
            Some(state) => (state.clone(), false),
            None => {
                let result = touched.results.iter().find(|result| (result.batch, result.lot) == key);
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

/// The answers of the line's reveal entries. Replay has just found each of them, so none is missing.
fn reveals(line: &Line, ops: &[Op]) -> Vec<RevealRow> {
    let shown = line.log.iter().filter_map(|entry| match entry {
        Entry::Revealed { batch, lot, digest } => Some((*batch, *lot, digest)),
        _ => None,
    });
    let found = shown.filter_map(|(batch, lot, digest)| {
        ops.iter().find_map(|op| match op {
            Op::Reveal { batch: of, lot: at, answers, salt }
                if (*of, *at) == (batch, lot) && sha256(answers) == *digest =>
            {
                Some((batch, lot, answers.clone(), *salt))
            }
            _ => None,
        })
    });
    (0..)
        .zip(found)
        .map(|(position, (batch, lot, answers, salt))| RevealRow { seq: line.seq, position, batch, lot, answers, salt })
        .collect()
}

fn new_batch(entry: &Entry, created_at: u32, created_seq: u64) -> Option<NewBatch> {
    let Entry::BatchCreated { batch, requester, token, items, manifest, gold_root, uri, terms, fixed, .. } = entry
    else {
        return None;
    };
    Some(NewBatch {
        batch: *batch,
        requester: *requester,
        token: *token,
        items: *items,
        manifest: *manifest,
        gold_root: *gold_root,
        // Postgres has no NUL in text, and anybody may create a batch.
        uri: uri.replace('\0', "\u{fffd}"),
        terms: terms.clone(),
        fixed: fixed.clone(),
        created_at,
        created_seq,
    })
}
