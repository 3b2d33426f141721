//! What a line changed: the rows that a store must write again, and facts that the contract itself does not keep.

use std::collections::BTreeSet;

pub use piecework_interface::history::{MovementKind, SlotEnd};
use piecework_interface::{
    answers::Answers,
    ids::{AccountNo, BatchId, ClassId, Digest, LotId, TokenId},
    op::Op,
    segments::Segment,
    skip::Skip,
    view::{Batch, LotState, OpenBatch, Slot},
};

use crate::NamedAccount;

/// What one line, or several merged, changed. The root always changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether the settings changed.
    pub settings: bool,
    /// Classes whose row changed.
    pub classes: BTreeSet<ClassId>,
    /// Tokens whose row changed.
    pub tokens: BTreeSet<TokenId>,
    /// Accounts whose row, balances or node changed. One that the mirror no longer has was unregistered.
    pub accounts: BTreeSet<AccountNo>,
    /// Batches whose row changed. One that the mirror no longer has was forgotten.
    pub batches: BTreeSet<BatchId>,
    /// Lots whose record changed. One that the mirror no longer has is settled.
    pub lots: BTreeSet<(BatchId, LotId)>,
    /// Accounts that were unregistered, as they were.
    pub unregistered: Vec<NamedAccount>,
    /// Batches that were forgotten, as they were.
    pub forgotten: Vec<Batch>,
    /// Segments that were appended, in order, each with its batch.
    pub appended: Vec<(BatchId, AppendedSegment)>,
    /// Answers that were revealed, in order.
    pub reveals: Vec<Reveal>,
    /// Movements of balances, in order.
    pub movements: Vec<Movement>,
    /// Slots that ended, in order.
    pub ended: Vec<EndedSlot>,
    /// Lots that settled, in order.
    pub results: Vec<LotResult>,
    /// Batches that closed, with their last state; the escrow is the part that was returned.
    pub closed: Vec<(BatchId, OpenBatch)>,
    /// Ops that were skipped: index in the call, reason.
    pub skips: Vec<(u8, Skip)>,
}

/// Items that were appended to a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendedSegment {
    /// Items, and the root of their manifest.
    pub segment: Segment,
    /// Where the manifest is.
    pub uri: String,
}

/// One movement of an internal balance; never of nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Account.
    pub account: AccountNo,
    /// Token.
    pub token: TokenId,
    /// Why.
    pub kind: MovementKind,
    /// Whether the balance grew.
    pub credit: bool,
    /// How much, in units of the token.
    pub amount: u128,
    /// The balance afterwards.
    pub balance_after: u128,
    /// The batch that it concerns.
    pub batch: Option<BatchId>,
    /// The lot that it concerns.
    pub lot: Option<LotId>,
}

/// Answers that a slot's node revealed: [`Op::Reveal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reveal {
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Answers to the items that the slot's round judges, in their order.
    pub answers: Vec<u8>,
    /// Salt of the commitment.
    pub salt: [u8; 32],
}

impl From<Reveal> for Op {
    fn from(Reveal { batch, lot, answers, salt }: Reveal) -> Self {
        Self::Reveal { batch, lot, answers, salt }
    }
}

/// A slot that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedSlot {
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Its last state.
    pub slot: Slot,
    /// How it ended.
    pub end: SlotEnd,
    /// Reward credited, in units of the batch's token.
    pub pay: u128,
    /// Taken from the node's stake, yoctoNEAR.
    pub slash: u128,
    /// Reputation in the class afterwards, if the slot was judged.
    pub reputation: Option<u16>,
    /// Items whose accepted answer is the slot's, bit i for item i; 0 unless it was judged.
    pub agreed: u64,
}

/// A lot that settled, or was closed without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotResult {
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Settlement number in the batch: its leaf.
    pub n: u32,
    /// Accepted items, bit i for item i.
    pub accepted: u64,
    /// Items whose result a jury changed, bit 0 for an adjudicator's scores; `None` where no jury decided.
    pub overturned: Option<u64>,
    /// SHA-256 of the answers.
    pub digest: Digest,
    /// Answers to all items, zeros where nothing is accepted; empty in an adjudicated batch.
    pub answers: Answers,
    /// Fee, in units of the batch's token.
    pub fee: u128,
    /// Returned to the requester.
    pub refund: u128,
    /// The lot's last record, if it ever had one.
    pub record: Option<LotState>,
    /// Unix seconds.
    pub settled_at: u32,
    /// Line.
    pub seq: u64,
}

impl Changes {
    /// Adds what a later line changed.
    pub fn merge(&mut self, later: Self) {
        self.settings |= later.settings;
        self.classes.extend(later.classes);
        self.tokens.extend(later.tokens);
        self.accounts.extend(later.accounts);
        self.batches.extend(later.batches);
        self.lots.extend(later.lots);
        self.unregistered.extend(later.unregistered);
        self.forgotten.extend(later.forgotten);
        self.appended.extend(later.appended);
        self.reveals.extend(later.reveals);
        self.movements.extend(later.movements);
        self.ended.extend(later.ended);
        self.results.extend(later.results);
        self.closed.extend(later.closed);
        self.skips.extend(later.skips);
    }
}
