//! `work`: a list of ops of one node, each of which fails softly.

mod claim;
mod commit;
mod draw;
mod release;
mod reveal;

use piecework_interface::{
    call::TALLY_GAS,
    event::Entry,
    ids::AccountNo,
    op::{ANSWER_BYTES_MAX, OPS_MAX, Op},
    skip::Skip,
};

use super::{Engine, Error, Host, settle::STEP_LOG_BYTES};

/// Bytes of log that the ops of one call may write besides their tallies.
const OPS_LOG_BYTES: usize = OPS_MAX * 176;

/// Why an op stopped: skipped with nothing changed, or the whole call fails.
#[derive(Debug)]
pub(super) enum Stop {
    Skip(Skip),
    Fail(Error),
}

impl From<Skip> for Stop {
    fn from(skip: Skip) -> Self {
        Self::Skip(skip)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

/// One `work` call.
#[derive(Debug)]
struct Shift {
    node: AccountNo,
    /// The contract's name, once a reveal needed it.
    contract: Option<String>,
    /// Lots tallied so far.
    tallied: u64,
    /// Whether the last reveal ended its lot's round, which says the same of the next one.
    settles: bool,
}

impl<H: Host> Engine<'_, H> {
    /// Does the ops in order. Counts as a heartbeat.
    ///
    /// # Errors
    /// The list is malformed, or the caller has no node.
    pub fn work(mut self, ops: Vec<Op>) -> Result<(), Error> {
        self.assert_no_deposit()?;
        if ops.is_empty() || ops.len() > OPS_MAX {
            return Err(Error::Input("give 1 to 24 ops"));
        }
        let answers: usize =
            ops.iter().map(|op| if let Op::Reveal { answers, .. } = op { answers.len() } else { 0 }).sum();
        if answers > ANSWER_BYTES_MAX {
            return Err(Error::Input("the answers of one call must have at most 11264 bytes"));
        }
        let node = self.calling_node()?;
        let mut shift = Shift { node, contract: None, tallied: 0, settles: true };
        for (index, op) in (0_u8..).zip(ops) {
            match self.op(&mut shift, op) {
                Ok(()) => {}
                Err(Stop::Skip(code)) => self.push(Entry::Skipped { op: index, code }),
                Err(Stop::Fail(error)) => return Err(error),
            }
        }
        self.finish("work", Some(node))
    }

    fn op(&mut self, shift: &mut Shift, op: Op) -> Result<(), Stop> {
        let node = shift.node;
        match op {
            Op::Draw { batch, at } => self.draw(node, batch, at),
            Op::Claim { batch, lot } => self.claim(node, batch, lot),
            Op::Release { batch, lot } => self.release(node, batch, lot),
            Op::Commit { batch, lot, commitment } => self.commit(node, batch, lot, commitment),
            Op::Reveal { batch, lot, answers, salt } => self.reveal(shift, (batch, lot), (answers, salt)),
        }
    }

    /// Whether gas and log have room for one more tally in this call, and for the writes of those before it.
    fn may_tally(&self, shift: &Shift) -> bool {
        self.host.gas_left() >= TALLY_GAS * (shift.tallied + 1) && self.fits(STEP_LOG_BYTES + OPS_LOG_BYTES)
    }
}
