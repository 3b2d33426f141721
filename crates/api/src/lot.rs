//! Lots and their slots.

use std::collections::BTreeMap;

use piecework_interface::{
    amount::Amount,
    case::Case,
    draw::Draw,
    history::SlotEnd,
    ids::{AccountNo, BatchId, Digest, LotId},
    item_set,
};
use serde::{Deserialize, Serialize};

use crate::hex_option;

/// A lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Lot {
    /// Batch.
    pub batch: BatchId,
    /// Number in the batch.
    pub lot: LotId,
    /// `open` (without a claim), `working`, `revealing`, `judging` (the adjudicator's time runs), `provisional`, `settled` or `withdrawn`.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "working"))]
    pub state: LotState,
    /// First item of the lot in the batch.
    pub first_item: u32,
    /// Items of the lot.
    pub items: u8,
    /// 0, 1 for the extension, 2 for a jury; of a settled lot the last one.
    pub round: u8,
    /// Unix time of the first claim, seconds; 0 before.
    pub begun_at: u32,
    /// Reward R of one copy of one item, its batch's at the first claim: no later raise reaches it. Absent before.
    pub reward: Option<Amount>,
    /// Whether its result may be appealed, as its group's seed said; false while it is open.
    pub appeal: bool,
    /// Unix time at which the round's clock started, seconds; 0 while it waits for a claim.
    pub clock_at: u32,
    /// Unix time at which the phase after working began, seconds; 0 before.
    pub phase_at: u32,
    /// Account numbers of the operators of the last sixteen nodes that left the lot.
    pub leavers: Vec<AccountNo>,
    /// Item set: the extension's open items; empty in round 0.
    #[serde(with = "item_set")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub open_items: u64,
    /// The draw of the current round; of round 0 the seed of the first claim.
    pub draw: Draw,
    /// What challenges, a jury or an adjudicator added.
    pub case: Option<Box<Case>>,
    /// Live slots that are reserved.
    pub reserved: u32,
    /// Live slots that are committed.
    pub committed: u32,
    /// Live slots that are revealed.
    pub revealed: u32,
    /// Settlement, once settled.
    pub settlement: Option<Settlement>,
    /// Last journal line that changed it; absent while it is open.
    pub updated_seq: Option<u64>,
}

/// Where a lot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LotState {
    /// Without a claim.
    Open,
    /// Seats are claimed and committed.
    Working,
    /// Answers are shown.
    Revealing,
    /// Tallied; settles when the challenge window has passed.
    Provisional,
    /// Answers are shown; the adjudicator's time runs.
    Judging,
    /// Settled with answers.
    Settled,
    /// Not worked on: closed without a result, or without a claim when its batch was cancelled or closed.
    Withdrawn,
}

/// A lot with its slots, past ones included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LotWithSlots {
    /// The lot.
    #[serde(flatten)]
    pub lot: Lot,
    /// Live slots first, each in order of their claims; at most 200.
    pub slots: Vec<Slot>,
    /// Challenges of its results, in order; those that another replaced included, at most 200.
    pub challenges: Vec<Challenge>,
}

/// A challenge as it was made. Those that still stand are in the lot's `case` until it settles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ChallengeRecord))]
pub struct Challenge {
    /// Journal line.
    pub seq: u64,
    /// Account number of the challenger.
    pub account: AccountNo,
    /// Its account id.
    pub account_id: String,
    /// Item set; bit 0 alone for an adjudicator's scores.
    #[serde(with = "item_set")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub items: u64,
    /// Taken from its balance, in units of the batch's token.
    pub deposit: Amount,
    /// Digest of its evidence, hex; zeros without.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub evidence: Digest,
    /// Whether this gateway holds the evidence, under its digest at `/v1/blobs`.
    #[serde(default)]
    pub evidence_held: bool,
    /// Account number of the challenger whose challenge of fewer items it replaced.
    pub replaced: Option<AccountNo>,
    /// Unix time, seconds.
    pub challenged_at: u32,
}

/// What a lot settled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Settlement {
    /// Settlement number in the batch.
    pub n: u32,
    /// Item set: accepted items.
    #[serde(with = "item_set")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub accepted: u64,
    /// How many these are.
    pub accepted_items: u32,
    /// Unix time, seconds.
    pub settled_at: u32,
}

/// A slot: one copy of a lot's round, held by one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Slot {
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Journal line of the claim.
    pub claimed_seq: u64,
    /// Account number of the node.
    pub node: AccountNo,
    /// Its account id.
    pub node_id: String,
    /// Account number of its operator at the claim, itself without one.
    pub operator: AccountNo,
    /// Round.
    pub round: u8,
    /// `reserved`, `committed` or `revealed`; of a past slot its last.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "committed"))]
    pub phase: SlotPhase,
    /// Unix time until which the reservation holds or held, seconds.
    pub reserved_until: u32,
    /// Commitment, hex.
    #[serde(with = "hex_option")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub commitment: Option<Digest>,
    /// Answers shown, hex: judged items × width bytes.
    #[serde(with = "hex_option")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub answers: Option<Vec<u8>>,
    /// Unix time of the claim, seconds.
    pub claimed_at: u32,
    /// Unix time of the commit, seconds.
    pub committed_at: Option<u32>,
    /// Unix time of the reveal, seconds.
    pub revealed_at: Option<u32>,
    /// Absent while it is live; then `settled`, `released`, `abandoned` or `freed`.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, example = "settled"))]
    pub outcome: Option<SlotEnd>,
    /// Reward credited, in units of the batch's token.
    pub pay: Amount,
    /// Fee credited to a juror, in units of the batch's token.
    pub juror_fee: Amount,
    /// Taken from the stake, yoctoNEAR.
    pub slash: Amount,
    /// Reputation in the class after the settlement, 0..=10000.
    pub reputation: Option<u16>,
    /// Item set: items whose accepted answer is the slot's.
    #[serde(with = "item_set::option")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub agreed: Option<u64>,
    /// Unix time of its end, seconds.
    pub ended_at: Option<u32>,
}

/// Phase of a slot; its data stand beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotPhase {
    /// Claimed.
    Reserved,
    /// Bound to a commitment.
    Committed,
    /// Answers shown.
    Revealed,
}

/// The states of many lots, one letter each: what a picture of a large batch needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LotStates {
    /// Batch.
    pub batch: BatchId,
    /// Number of the first lot of `states`.
    pub from: u32,
    /// Lots of the batch.
    pub lots: u32,
    /// One letter per lot: `o` open, `w` working, `x` working in an extension, `j` before a jury, `r` revealing,
    /// `p` provisional, `v` waiting for the adjudicator's verdict, `s` settled with every item accepted, `u` settled with items unresolved,
    /// `n` withdrawn: not worked on.
    #[cfg_attr(feature = "schema", schema(example = "sssuxrwwoo"))]
    pub states: String,
    /// Lots of the whole batch by letter; letters without a lot are absent.
    #[cfg_attr(feature = "schema", schema(example = json!({ "o": 2, "s": 3 })))]
    pub totals: BTreeMap<char, u32>,
}
