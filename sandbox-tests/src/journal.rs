//! The journal of a market: every line that its transactions wrote, and the mirror that they give.

use anyhow::{Context as _, Result, ensure};
use near_workspaces::result::ExecutionFinalResult;
use piecework_interface::{event::Line, host::sha256, journal::next_head, op::Op};
use piecework_replay::{Context, Mirror};

use crate::market::{Done, Market, Written};

impl Market {
    /// Keeps the journal lines of a transaction and reads their entries.
    pub(crate) async fn record(&self, result: ExecutionFinalResult) -> Result<Done> {
        self.record_work(result, &[]).await
    }

    /// The same of a `work` call with these ops.
    pub(crate) async fn record_work(&self, result: ExecutionFinalResult, ops: &[Op]) -> Result<Done> {
        let moments = self.finality.note(&result).await?;
        let mut entries = Vec::new();
        for outcome in result.receipt_outcomes() {
            if outcome.executor_id != *self.coordinator.id() || outcome.is_failure() {
                continue;
            }
            let at = *moments.get(&outcome.block_hash).context("a receipt's block")?;
            for log in &outcome.logs {
                if let Some(line) = Line::parse(log)? {
                    entries.extend(line.log);
                    let written = Written { line: log.clone(), at, ops: ops.to_vec() };
                    self.journal.borrow_mut().push(written);
                }
            }
        }
        Ok(Done { entries, result })
    }

    /// Checks that the lines this market caused are the contract's whole journal.
    ///
    /// # Errors
    /// A line is missing, invented or out of order.
    pub async fn verify_journal(&self) -> Result<()> {
        let root = self.views().root().await?.value;
        let mut head = [0; 32];
        for (seq, written) in (0_u64..).zip(self.journal.borrow().iter()) {
            let line = Line::parse(&written.line)?.context("a journal line")?;
            ensure!(line.seq == seq, "line {seq} carries number {}", line.seq);
            head = next_head(sha256, &head, &written.line);
        }
        let lines = u64::try_from(self.journal.borrow().len())?;
        ensure!(root.seq == lines, "the contract wrote {} lines", root.seq);
        ensure!(root.head == head, "the journal's head differs");
        Ok(())
    }

    /// Replays the journal.
    ///
    /// # Errors
    /// A line does not follow from the ones before, or the contract's root record is not what they give.
    pub async fn replay(&self) -> Result<Mirror> {
        let written: Vec<Written> = self.journal.borrow().clone();
        let (mut mirror, contract) = (Mirror::default(), self.coordinator.id().as_str());
        for Written { line: text, at, ops } in &written {
            let context = Context { contract, now_s: at.now_s, height: u32::try_from(at.height)?, text, ops };
            let line = Line::parse(text)?.context("a journal line")?;
            mirror.apply(&line, &context).with_context(|| format!("line {}: {text}", line.seq))?;
        }
        let root = self.views().root().await?.value;
        ensure!(mirror.root == root, "the contract has {root:?}, its journal gives {:?}", mirror.root);
        Ok(mirror)
    }
}
