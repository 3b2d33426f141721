#![doc = include_str!("../README.md")]

mod apply;
mod case;
mod classes;
mod error;
mod govern;
mod history;
mod intents;
mod rounds;
mod settle;
mod step;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::{Fault, ReplayError};
pub use history::{AppendedSegment, Changes, EndedSlot, LotResult, Movement, MovementKind, Reveal, SlotEnd};

use std::collections::{BTreeMap, VecDeque};

use piecework_interface::{
    call,
    event::Line,
    governance::Settings,
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    journal,
    merkle::Peaks,
    op::{Op, Work},
    view::{Account, Batch, Class, LotState, Root, Token},
};

/// The live state of the contract as its journal implies it, in the types that its views answer. Plain data: a store
/// keeps these rows and builds the mirror from them at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirror {
    /// The root record.
    pub root: Root,
    /// Who governs, and the configuration.
    pub settings: Settings,
    /// Registered classes.
    pub classes: BTreeMap<ClassId, Class>,
    /// Listed tokens.
    pub tokens: BTreeMap<TokenId, Token>,
    /// Registered accounts.
    pub accounts: BTreeMap<AccountNo, NamedAccount>,
    /// Batches that are not forgotten.
    pub batches: BTreeMap<BatchId, Batch>,
    /// Lots that have a record.
    pub lots: BTreeMap<(BatchId, LotId), LotState>,
    /// The results' mountain ranges of batches that are not closed: the peaks over the leaves of their settled lots in
    /// order of `n`, [`piecework_interface::merkle::result_leaf`].
    pub ranges: BTreeMap<BatchId, Peaks>,
}

/// An account with its name, which only the journal tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedAccount {
    /// Account id.
    pub account_id: String,
    /// The row.
    pub row: Account,
}

/// Where a line was written.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Account of the contract, which commitments bind.
    pub contract: &'a str,
    /// Time of the block, Unix seconds.
    pub now_s: u32,
    /// Height of the block.
    pub height: u32,
    /// The log line as it was logged, prefix included: what [`Line::parse`] read.
    pub text: &'a str,
    /// The ops of the call that wrote the line; empty if it was no `work` call.
    pub ops: &'a [Op],
}

/// A line that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied<'a> {
    /// The line.
    pub line: Line,
    /// The line as it was logged.
    pub text: &'a str,
    /// What it changed.
    pub changes: Changes,
}

impl Mirror {
    /// Applies the journal lines of a receipt of the contract that succeeded, in a block of this time (Unix seconds) and
    /// height. `calls` are its methods with their arguments, in order: reveals stand in those of `work`. Logs of other
    /// standards are passed over. `applied` sees each line with the mirror as it is after it.
    ///
    /// # Errors
    /// Arguments or a line cannot be read, or a line does not follow. The mirror must then be rebuilt.
    pub fn apply_receipt<'a>(
        &mut self,
        (contract, now_s, height): (&str, u32, u32),
        calls: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        logs: impl IntoIterator<Item = &'a str>,
        mut applied: impl FnMut(&Self, Applied<'a>),
    ) -> Result<(), ReplayError> {
        // Each `work` call writes one line of that name.
        let mut works = VecDeque::new();
        for (_, args) in calls.into_iter().filter(|(method, _)| *method == call::WORK) {
            let work: Work = borsh::from_slice(args).map_err(|error| ReplayError::Ops(error.to_string()))?;
            works.push_back(work.ops);
        }
        for text in logs {
            if let Some(line) = Line::parse(text)? {
                let ops = if line.event == call::WORK { works.pop_front().unwrap_or_default() } else { Vec::new() };
                let changes = self.apply(&line, &Context { contract, now_s, height, text, ops: &ops })?;
                applied(self, Applied { line, text, changes });
            }
        }
        Ok(())
    }

    /// Applies the next line and tells what it changed.
    ///
    /// # Errors
    /// The line is not the next one, or an entry does not follow from the mirror. The mirror must then be rebuilt.
    pub fn apply(&mut self, line: &Line, context: &Context<'_>) -> Result<Changes, ReplayError> {
        let seq = line.seq;
        if seq != self.root.seq {
            return Err(ReplayError::Gap { seq, expected: self.root.seq });
        }
        let caller = line.node;
        let (event, freed, acted, changes) =
            (line.event.as_str(), Vec::new(), step::Acted::default(), Changes::default());
        let mut step = step::Step { mirror: self, context, caller, event, freed, acted, sent: None, changes };
        if let Some(node) = line.node {
            step.seen(node, line).map_err(|fault| ReplayError::Caller { seq, fault })?;
        }
        for (index, entry) in line.log.iter().enumerate() {
            step.entry(entry).map_err(|fault| ReplayError::Entry { seq, index, tag: entry.tag(), fault })?;
        }
        step.ended().map_err(|fault| ReplayError::End { seq, fault })?;
        let changes = step.changes;
        self.root.seq += 1;
        self.root.head = journal::next_head(sha256, &self.root.head, context.text);
        Ok(changes)
    }
}
