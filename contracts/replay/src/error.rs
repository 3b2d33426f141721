//! Why a line cannot be replayed. A mirror stops there: it never guesses.

use piecework_interface::{
    event::LineError,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    skip::Skip,
};

/// What a reader without a line yet did.
const fn late(expected: u64) -> &'static str {
    if expected == 0 { ": begin at the contract's deployment or before it" } else { "" }
}

/// A line that does not follow from the mirror. The mirror may be left half way through the line: rebuild it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A `work` call that succeeded has arguments that this version cannot read.
    #[error("the ops of a work call cannot be read ({0}); a newer contract needs a newer reader")]
    Ops(String),
    /// A line cannot be read.
    #[error("a newer contract needs a newer reader: {0}")]
    Line(#[from] LineError),
    /// A line is missing or came twice.
    #[error("journal line {seq} arrived where line {expected} was due{}", late(*expected))]
    Gap {
        /// The line's number.
        seq: u64,
        /// The number that was due.
        expected: u64,
    },
    /// The line's caller cannot be.
    #[error("journal line {seq}, node of the call: {fault}")]
    Caller {
        /// The line's number.
        seq: u64,
        /// What is wrong.
        fault: Fault,
    },
    /// An entry does not follow from the mirror.
    #[error("journal line {seq}, entry {index} ({tag}): {fault}")]
    Entry {
        /// The line's number.
        seq: u64,
        /// The entry's index in the line.
        index: usize,
        /// The entry's tag.
        tag: &'static str,
        /// What is wrong.
        fault: Fault,
    },
    /// The line does not end as it may.
    #[error("journal line {seq}, at its end: {fault}")]
    End {
        /// The line's number.
        seq: u64,
        /// What is wrong.
        fault: Fault,
    },
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No such account.
    #[error("account {0} is not in the mirror")]
    NoAccount(AccountNo),
    /// The account has no node.
    #[error("account {0} has no node")]
    NoNode(AccountNo),
    /// The node has no record of the class.
    #[error("node {0} has no record of class {1}")]
    NoClass(AccountNo, ClassId),
    /// No such class.
    #[error("class {0} is not in the mirror")]
    NoSuchClass(ClassId),
    /// No such token.
    #[error("token {0} is not in the mirror")]
    NoToken(TokenId),
    /// No such batch, or it is closed.
    #[error("batch {0} is not in the mirror or is closed")]
    NoBatch(BatchId),
    /// No record of the lot.
    #[error("lot {1} of batch {0} has no record in the mirror")]
    NoLot(BatchId, LotId),
    /// The node holds no slot of the lot's round in the phase that the entry needs.
    #[error("node {2} holds no such slot of lot {1} of batch {0}")]
    NoSlot(BatchId, LotId, AccountNo),
    /// The group is outside the window.
    #[error("group {1} of batch {0} is outside the window")]
    NoGroup(BatchId, u32),
    /// The entry is a node's, and the line names none.
    #[error("the line names no node")]
    NoCaller,
    /// The receipt's arguments hold no reveal with the entry's digest that opens the slot's commitment.
    #[error("no reveal in the receipt's arguments has the entry's digest and opens the commitment")]
    NoAnswers,
    /// The rules let no such claim in.
    #[error("a claim that the rules skip: {}", .0.text())]
    Refused(Skip),
    /// A number would leave its range.
    #[error("{0} would leave its range")]
    Range(&'static str),
    /// The entry says other than the rules.
    #[error("{0} differs from what the rules give")]
    Differs(&'static str),
}
