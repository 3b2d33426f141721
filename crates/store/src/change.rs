//! What a run of blocks changes: the rows as they are afterwards. Built without a database, written in one transaction.

use std::collections::BTreeMap;

use piecework_interface::{
    governance::Settings,
    ids::{AccountNo, BatchId, ClassId, Digest, LotId, TokenId},
    segments::Segment,
    view::{Account, BatchStatus, Callback, Class, LotState, OpenBatch, Progress, Token},
};
use piecework_replay::{LotResult, Movement, Reveal, SlotEnd};

/// A reveal entry: its line, and its place among the line's reveal entries.
pub type RevealKey = (u64, u8);

/// Rows to write. Maps hold rows that replace an earlier version, lists hold rows that never change.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Blocks.
    pub blocks: Vec<BlockRow>,
    /// Receipts.
    pub receipts: Vec<ReceiptRow>,
    /// Journal lines.
    pub events: Vec<EventRow>,
    /// What their reveal entries show, by line and place among its reveal entries.
    pub reveals: BTreeMap<RevealKey, Reveal>,
    /// Who governs and the configuration, with the line that set them.
    pub settings: Option<(Settings, u64)>,
    /// Classes, with the last line that changed them.
    pub classes: BTreeMap<ClassId, (Class, u64)>,
    /// Tokens, with the last line that changed them.
    pub tokens: BTreeMap<TokenId, (Token, u64)>,
    /// Accounts with their nodes; balances are apart.
    pub accounts: BTreeMap<AccountNo, AccountRow>,
    /// Balances; one of 0 has no row.
    pub balances: BTreeMap<(AccountNo, TokenId), u128>,
    /// Batches that were created.
    pub new_batches: Vec<NewBatch>,
    /// Batches, created ones included.
    pub batches: BTreeMap<BatchId, BatchRow>,
    /// Lots.
    pub lots: BTreeMap<(BatchId, LotId), LotRow>,
    /// Slots, by the line of their claim.
    pub slots: BTreeMap<(BatchId, LotId, u64), SlotRow>,
    /// Appended segments.
    pub segments: Vec<SegmentRow>,
    /// Challenges.
    pub challenges: Vec<ChallengeRow>,
    /// Settled lots.
    pub results: Vec<LotResult>,
    /// Movements of balances.
    pub ledger: Vec<LedgerRow>,
    /// What stands behind nodes.
    pub stakes: Vec<StakeRow>,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRow {
    /// Height.
    pub height: u64,
    /// Hash, base58.
    pub hash: String,
    /// Hash of the parent, base58.
    pub prev_hash: String,
    /// Time, Unix nanoseconds.
    pub timestamp_ns: u64,
    /// Number of the next line before the block.
    pub first_seq: u64,
    /// Journal lines.
    pub events: u64,
}

/// A receipt that changed the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    /// Receipt id, base58.
    pub receipt_id: String,
    /// Block.
    pub height: u64,
    /// Order in the block.
    pub position: u32,
    /// Who called.
    pub predecessor_id: String,
    /// Who signed.
    pub signer_id: String,
    /// Transaction, if known.
    pub tx_hash: Option<String>,
    /// Methods, in order.
    pub methods: Vec<String>,
    /// Gas burnt.
    pub gas_burnt: u64,
}

/// A journal line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Number.
    pub seq: u64,
    /// Block.
    pub height: u64,
    /// Receipt.
    pub receipt_id: String,
    /// Block time, Unix seconds.
    pub block_at: u32,
    /// Method.
    pub event: String,
    /// Node of the call.
    pub node: Option<AccountNo>,
    /// Batches that changed, or whose lots did, in order.
    pub batches: Vec<BatchId>,
    /// Accounts that changed, in order.
    pub accounts: Vec<AccountNo>,
    /// `data.log` as JSON.
    pub entries: String,
    /// The line as logged.
    pub line: String,
}

/// An account and its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Name.
    pub account_id: String,
    /// The record; its balances are not read.
    pub row: Account,
    /// Line that unregistered it.
    pub closed_seq: Option<u64>,
    /// Line that registered it; only used when the row is new.
    pub created_seq: u64,
    /// Last line that changed it.
    pub updated_seq: u64,
}

/// What stands behind a node from a line on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StakeRow {
    /// Node.
    pub account: AccountNo,
    /// Line.
    pub seq: u64,
    /// Stake, yoctoNEAR.
    pub stake: u128,
    /// Its operator, if that is another account.
    pub operator: Option<AccountNo>,
}

/// A new batch. Its row is inserted with the parts of the record that never change; the other parts are [`BatchRow`]'s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBatch {
    /// Number.
    pub batch: BatchId,
    /// The record.
    pub record: OpenBatch,
    /// Where the manifest is.
    pub uri: String,
    /// What the requester committed to.
    pub gold_root: Digest,
    /// Line of creation.
    pub created_seq: u64,
}

/// Items that were appended to a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentRow {
    /// Batch.
    pub batch: BatchId,
    /// Items, and the root of their manifest.
    pub segment: Segment,
    /// Where the manifest is.
    pub uri: String,
    /// Line.
    pub seq: u64,
}

/// What changes in the life of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRow {
    /// Status; `None` once the contract forgot it.
    pub status: Option<BatchStatus>,
    /// Where it stands; `None` keeps the last of a batch that closed.
    pub progress: Option<Progress>,
    /// How it grew; likewise.
    pub extent: Option<Extent>,
    /// Escrow left.
    pub escrow: u128,
    /// Lots settled.
    pub settled: u32,
    /// Bagged root over their leaves.
    pub results_root: [u8; 32],
    /// The call that a poke sends when it is closed; `None` once it was sent.
    pub callback: Option<Callback>,
    /// Unix seconds at which it closed.
    pub ended_at: Option<u32>,
    /// Last line that changed it.
    pub updated_seq: u64,
}

/// What an append, a raise or a later expiry changes of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Items.
    pub items: u32,
    /// Digest of the appended segments.
    pub appended: Digest,
    /// Unix seconds after which nothing new is claimed.
    pub expires_at: u32,
    /// Reward of lots without a claim.
    pub reward: u128,
}

/// A lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotRow {
    /// The record, of a settled lot the last one; slots are apart.
    pub state: LotState,
    /// Whether it settled.
    pub settled: bool,
    /// Last line that changed it.
    pub updated_seq: u64,
}

/// A slot, live or past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRow {
    /// Node.
    pub node: AccountNo,
    /// Its operator at the claim, itself without one.
    pub operator: AccountNo,
    /// Round.
    pub round: u8,
    /// Place among the lot's live slots; `None` once it ended.
    pub position: Option<u8>,
    /// Unix seconds until which the reservation held.
    pub reserved_until: u32,
    /// Unix seconds of the claim.
    pub claimed_at: u32,
    /// Commitment and when.
    pub committed: Option<([u8; 32], u32)>,
    /// The reveal of its answers and when.
    pub revealed: Option<(RevealKey, u32)>,
    /// How it ended.
    pub end: Option<SlotEnded>,
}

/// How and when a slot ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotEnded {
    /// How.
    pub end: SlotEnd,
    /// Reward credited, token units.
    pub pay: u128,
    /// Taken from the stake, yoctoNEAR.
    pub slash: u128,
    /// Reputation in the class afterwards.
    pub reputation: Option<u16>,
    /// Items whose accepted answer is the slot's.
    pub agreed: u64,
    /// Unix seconds.
    pub ended_at: u32,
}

/// A challenge of a lot's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeRow {
    /// Line.
    pub seq: u64,
    /// Order among the line's challenge entries.
    pub position: u8,
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Challenger.
    pub account: AccountNo,
    /// Item set.
    pub items: u64,
    /// Taken from its balance, token units.
    pub deposit: u128,
    /// Digest of its evidence, zeros without.
    pub evidence: Digest,
    /// The challenger whose challenge it replaced.
    pub replaced: Option<AccountNo>,
}

/// A movement of a balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Line.
    pub seq: u64,
    /// Order in the line.
    pub leg: u32,
    /// The movement.
    pub movement: Movement,
}
