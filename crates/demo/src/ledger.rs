//! What the chain says, followed block by block and replayed, independently of indexer and database.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use piecework_chain::{BlockSourceConfig, Cursor, FinalBlock, RpcBlockSource, StreamBlocks};
use piecework_console::Problem;
use piecework_interface::{
    call::HEARTBEAT,
    event::{Entry, Line},
    ids::{AccountNo, BatchId, LotId, NEAR},
    view::{LotState, OpenBatch},
};
use piecework_replay::{Applied, Changes, Mirror, MovementKind};
use piecework_stack::Stack;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::gas::Blocks;

/// How long nothing may happen while something is waited for.
const SILENCE: Duration = Duration::from_secs(120);

/// The journal replayed, with its history.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// The contract's state by the journal.
    pub(super) mirror: Mirror,
    /// Everything that ended: slots, lots, batches, movements.
    pub(super) history: Changes,
    /// The last block taken in.
    pub(super) cursor: Option<Cursor>,
    /// Its time, Unix seconds.
    pub(super) now_s: u32,
    /// Items that went into an extension round, by lot.
    pub(super) extended: BTreeMap<(BatchId, LotId), u64>,
    /// Reservations of nodes that ran out.
    pub(super) abandoned: Vec<(AccountNo, BatchId, LotId)>,
    /// What must not happen and did.
    pub(super) violations: Vec<String>,
    /// Journal lines but heartbeats, which say nothing of the work.
    steps: u64,
    /// Why following ended, if it did.
    fault: Option<String>,
    /// Rounds whose answers are being shown.
    revealing: BTreeSet<(BatchId, LotId)>,
}

/// A task that follows the chain.
pub(super) struct Follower {
    ledger: watch::Receiver<Ledger>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Follows the coordinator from its first block, and passes on the height of each.
    pub(super) fn start(stack: &Stack, blocks: Blocks) -> Self {
        let contract = stack.deployment.contract.clone();
        let mut config = BlockSourceConfig::new(contract.clone(), stack.deployment.height);
        config.poll_interval = Duration::from_millis(100);
        let mut source = RpcBlockSource::new(stack.rpc.clone(), config);
        let (sender, ledger) = watch::channel(Ledger::default());
        let task = tokio::spawn(async move {
            let mut cursor = None;
            loop {
                match source.next(cursor).await {
                    Ok(block) => {
                        cursor = Some(block.cursor());
                        if blocks.send(block.height).is_err() {
                            tracing::debug!("nobody counts gas any more");
                        }
                        sender.send_modify(|ledger| ledger.take(contract.as_str(), &block));
                    }
                    Err(error) if error.is_fatal() => {
                        sender.send_modify(|ledger| ledger.fault = Some(error.to_string()));
                    }
                    Err(error) => tracing::warn!(%error, "the chain does not answer"),
                }
                if sender.borrow().fault.is_some() {
                    return;
                }
            }
        });
        Self { ledger, task }
    }

    pub(super) fn ledger(&self) -> watch::Receiver<Ledger> {
        self.ledger.clone()
    }

    pub(super) async fn stop(self) {
        self.task.abort();
        // It ends by being aborted, which is what is wanted.
        drop(self.task.await);
    }
}

/// Waits until the ledger answers, as long as the journal grows: a slow machine gets the time it needs.
///
/// # Errors
/// If nothing happens for [`SILENCE`], or following the chain failed.
pub(super) async fn until<T>(
    ledger: watch::Receiver<Ledger>,
    what: &str,
    answer: impl FnMut(&Ledger) -> Option<T>,
) -> anyhow::Result<T> {
    until_silent(ledger, SILENCE, what, answer).await
}

async fn until_silent<T>(
    mut ledger: watch::Receiver<Ledger>,
    silence: Duration,
    what: &str,
    mut answer: impl FnMut(&Ledger) -> Option<T>,
) -> anyhow::Result<T> {
    loop {
        let mut found = None;
        let steps = ledger.borrow().steps;
        let news = ledger.wait_for(|ledger| {
            found = answer(ledger);
            found.is_some() || ledger.fault.is_some() || ledger.steps > steps
        });
        let news = timeout(silence, news).await;
        if let Some(found) = found {
            return Ok(found);
        }
        let Ok(Ok(ledger)) = news else {
            let text = format!("nothing has happened for {} s, while waiting for {what}", silence.as_secs());
            return Err(Problem::new(text, "read the agents' logs").into());
        };
        if let Some(fault) = &ledger.fault {
            let text = format!("the journal cannot be followed: {fault}");
            return Err(Problem::new(text, "read the chain's and the contract's log").into());
        }
    }
}

impl Ledger {
    /// Whether the batch is closed.
    pub(super) fn is_closed(&self, batch: BatchId) -> bool {
        self.history.closed.iter().any(|(closed, _)| *closed == batch)
    }

    /// What a closed batch was at its end.
    pub(super) fn closed(&self, batch: BatchId) -> Option<&OpenBatch> {
        self.history.closed.iter().find(|(closed, _)| *closed == batch).map(|(_, open)| open)
    }

    /// A settled lot's last record.
    pub(super) fn record(&self, batch: BatchId, lot: LotId) -> Option<&LotState> {
        let result = self.history.results.iter().find(|result| (result.batch, result.lot) == (batch, lot))?;
        result.record.as_ref()
    }

    /// Tokens credited to a node so far: rewards, jurors' fees, and its parts of lost deposits.
    pub(super) fn earned(&self, node: AccountNo) -> u128 {
        let earns = |kind| matches!(kind, MovementKind::Pay | MovementKind::JurorFee | MovementKind::Pot);
        let movements = self.history.movements.iter().filter(|movement| movement.account == node && movement.credit);
        movements
            .filter(|movement| movement.token != NEAR && earns(movement.kind))
            .map(|movement| movement.amount)
            .sum()
    }

    /// Items of a batch that went into an extension.
    pub(super) fn extended_items(&self, batch: BatchId) -> u32 {
        let lots = self.extended.iter().filter(|((of, _), _)| *of == batch);
        lots.map(|(_, items)| items.count_ones()).sum()
    }

    /// yoctoNEAR taken from a node so far.
    pub(super) fn slashed(&self, node: AccountNo) -> u128 {
        self.history.ended.iter().filter(|ended| ended.slot.node == node).map(|ended| ended.slash).sum()
    }

    fn take(&mut self, contract: &str, block: &FinalBlock) {
        self.now_s = u32::try_from(block.timestamp_ns / 1_000_000_000).unwrap_or(u32::MAX);
        self.cursor = Some(block.cursor());
        let Ok(height) = u32::try_from(block.height) else {
            return self.fail("a height beyond the contract's".to_owned());
        };
        for receipt in &block.receipts {
            let calls = receipt.calls.iter().map(|call| (call.method_name.as_str(), call.args.as_slice()));
            let logs = receipt.logs.iter().map(String::as_str);
            let mut lines = Vec::new();
            let applied = self
                .mirror
                .apply_receipt((contract, self.now_s, height), calls, logs, |_, applied| lines.push(applied));
            for Applied { line, changes, .. } in lines {
                self.steps += u64::from(line.event != HEARTBEAT);
                for entry in &line.log {
                    self.check_order(entry, &line);
                }
                self.history.merge(changes);
            }
            if let Err(error) = applied {
                self.fail(format!("receipt {}: {error}", receipt.receipt_id));
            }
        }
    }

    /// No answer is known before all copies of its round are committed or out of time, and a lot settles once.
    fn check_order(&mut self, entry: &Entry, line: &Line) {
        match entry {
            Entry::Revealing { batch, lot, abandoned } => {
                self.revealing.insert((*batch, *lot));
                self.abandoned.extend(abandoned.iter().map(|slot| (slot.node, *batch, *lot)));
            }
            Entry::Claimed { batch, lot, replaced: Some(replaced), .. } => {
                self.abandoned.push((replaced.node, *batch, *lot));
            }
            Entry::Freed { batch, lot, abandoned } => {
                self.abandoned.extend(abandoned.iter().map(|slot| (slot.node, *batch, *lot)));
            }
            Entry::Committed { batch, lot, .. } if self.revealing.contains(&(*batch, *lot)) => {
                self.violations.push(format!("line {}: a commit of lot {lot} after its answers were shown", line.seq));
            }
            Entry::Revealed { batch, lot, .. } if !self.revealing.contains(&(*batch, *lot)) => {
                self.violations.push(format!("line {}: a reveal of lot {lot} before its round was complete", line.seq));
            }
            Entry::Extended { batch, lot, items } => {
                self.revealing.remove(&(*batch, *lot));
                self.extended.insert((*batch, *lot), items.0);
            }
            Entry::JuryOpened { batch, lot } => {
                self.revealing.remove(&(*batch, *lot));
            }
            Entry::Settled { batch, lot, .. } => {
                self.revealing.remove(&(*batch, *lot));
                if self.history.results.iter().any(|result| (result.batch, result.lot) == (*batch, *lot)) {
                    self.violations.push(format!("line {}: lot {lot} settled twice", line.seq));
                }
            }
            _ => {}
        }
    }

    fn fail(&mut self, fault: String) {
        self.fault.get_or_insert(fault);
    }
}

#[cfg(test)]
mod tests {
    use piecework_interface::answers::Items;

    use super::*;

    fn line(log: Vec<Entry>) -> Line {
        Line { seq: 7, event: "work".to_owned(), node: None, log }
    }

    fn checked(entries: &[Entry]) -> Vec<String> {
        let mut ledger = Ledger::default();
        for entry in entries {
            ledger.check_order(entry, &line(Vec::new()));
        }
        ledger.violations
    }

    fn commit() -> Entry {
        Entry::Committed { batch: BatchId(0), lot: LotId(1), commitment: [0; 32] }
    }

    fn revealing() -> Entry {
        Entry::Revealing { batch: BatchId(0), lot: LotId(1), abandoned: Vec::new() }
    }

    fn reveal() -> Entry {
        Entry::Revealed { batch: BatchId(0), lot: LotId(1), digest: [0; 32] }
    }

    #[test]
    fn ledger__should_accept_rounds_in_order() {
        let extend = Entry::Extended { batch: BatchId(0), lot: LotId(1), items: Items(5) };
        assert!(checked(&[commit(), revealing(), reveal(), extend, commit(), revealing(), reveal()]).is_empty());
    }

    #[test]
    fn ledger__should_object_to_answers_known_too_early() {
        assert!(checked(&[commit(), reveal()])[0].contains("before its round was complete"));
        assert!(checked(&[commit(), revealing(), reveal(), commit()])[0].contains("after its answers were shown"));
    }

    #[tokio::test]
    async fn until__should_wait_while_something_happens_and_then_name_what_it_waited_for() {
        // Given a chain on which something happens a few times, and then nothing
        let (sender, ledger) = watch::channel(Ledger::default());
        let happens = tokio::spawn(async move {
            for _ in 0..5 {
                tokio::task::yield_now().await;
                sender.send_modify(|ledger| ledger.steps += 1);
            }
            sender
        });

        // When something that never comes is waited for
        let mut seen = 0;
        let silence = Duration::from_millis(50);
        let error = until_silent(ledger, silence, "a miracle", |ledger| {
            seen = ledger.steps;
            None::<()>
        });
        let error = error.await.unwrap_err();

        // Then it is given up, by name, after all that happened
        assert!(error.to_string().contains("a miracle"), "{error}");
        assert_eq!(seen, 5);
        drop(happens.await.unwrap());
    }
}
