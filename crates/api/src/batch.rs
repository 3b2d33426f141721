//! Batches and their results.

use piecework_interface::{
    amount::Amount,
    host::sha256,
    ids::{BatchId, Digest, LotId},
    item_set,
    segments::{self, Segment},
    view::{BatchStatus, Callback, OpenBatch},
};
use serde::{Deserialize, Serialize};

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Batch {
    /// Number.
    #[cfg_attr(feature = "schema", schema(example = 0))]
    pub batch: BatchId,
    /// `open`, `cancelled`, `closed` or `forgotten` (closed, and the contract dropped its result root).
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "open"))]
    pub status: BatchState,
    /// Account id of the requester.
    pub requester_id: String,
    /// Account id of who gets a part of its fees; absent without one.
    pub referrer_id: Option<String>,
    /// Lots.
    pub lots: u32,
    /// The call that a poke sends when the batch is closed; absent if there is none or it was sent.
    pub callback: Option<Callback>,
    /// Where the manifest is: `blob:<sha256>` or a URL.
    pub uri: String,
    /// Root of the gold answers that the requester committed to, hex; zeros without one. The contract does not keep it.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub gold_root: Digest,
    /// The record, as the contract's view answered it until the batch closed.
    #[serde(flatten)]
    pub record: OpenBatch,
    /// Lots settled, closed lots included.
    pub settled: u32,
    /// Root over the results, hex.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub results_root: Digest,
    /// Lots by phase and items by result.
    pub counts: Counts,
    /// Unix time at which it closed, seconds.
    pub ended_at: Option<u32>,
    /// Journal line that created it.
    pub created_seq: u64,
    /// Last journal line that changed it or one of its lots.
    pub updated_seq: u64,
}

/// Life of a batch in the mirror, which keeps what the contract forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// Takes claims until it expires.
    Open,
    /// Cancelled; live lots run to their end.
    Cancelled,
    /// Everything is settled.
    Closed,
    /// Closed, and the contract dropped its result root.
    Forgotten,
}

impl From<BatchStatus> for BatchState {
    fn from(status: BatchStatus) -> Self {
        match status {
            BatchStatus::Open => Self::Open,
            BatchStatus::Cancelled => Self::Cancelled,
            BatchStatus::Closed => Self::Closed,
        }
    }
}

/// Items that came to a batch together: those that it was created with, or those of an append.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BatchSegment {
    /// Its first item in the batch.
    pub first_item: u32,
    /// Items.
    pub items: u32,
    /// Merkle root over their payload digests, hex.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub manifest: Digest,
    /// Where their manifest is: `blob:<sha256>` or a URL.
    pub uri: String,
    /// Journal line.
    pub seq: u64,
}

impl BatchSegment {
    /// The digest of a batch's appended segments after this one, from the digest before it; the first one adds nothing.
    #[must_use]
    pub fn after(&self, before: &Digest) -> Digest {
        let &Self { first_item, items, manifest, .. } = self;
        match first_item {
            0 => *before,
            _ => segments::appended(sha256, before, &Segment { first_item, items, manifest }),
        }
    }
}

/// Lots by phase and items by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Counts {
    /// Lots without a claim that a node may still claim while the batch has not expired.
    pub open_lots: u32,
    /// Lots in which seats are claimed and committed.
    pub working_lots: u32,
    /// Lots whose answers are being shown.
    pub revealing_lots: u32,
    /// Lots tallied and not yet settled.
    pub provisional_lots: u32,
    /// Lots that wait for the adjudicator.
    pub judging_lots: u32,
    /// Lots settled with answers.
    pub settled_lots: u32,
    /// Lots that were not worked on: closed without a result, or without a claim when their batch was cancelled or closed.
    pub withdrawn_lots: u32,
    /// Lots that went, or go, through an extension round.
    pub extended_lots: u32,
    /// Items of lots settled with answers.
    pub settled_items: u32,
    /// Items of withdrawn lots.
    pub withdrawn_items: u32,
    /// Items with an accepted answer.
    pub accepted_items: u32,
    /// Settled items without one; 0 in a batch that an adjudicator scores.
    pub unresolved_items: u32,
    /// Lots whose result was challenged at least once, by any account.
    pub contested_lots: u32,
    /// Lots that were challenged and in which no jury changed a result.
    pub upheld_lots: u32,
}

/// The result of a settled lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LotResult {
    /// Settlement number in the batch: its place in the results' Merkle mountain range.
    pub n: u32,
    /// Lot.
    pub lot: LotId,
    /// First item of the lot in the batch.
    pub first_item: u32,
    /// Items of the lot.
    pub items: u8,
    /// Whether it was closed without a result: no node answered it. The mirror's word, which no root proves.
    #[serde(default)]
    pub withdrawn: bool,
    /// Item set: accepted items.
    #[serde(with = "item_set")]
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "0fffffffffffffff"))]
    pub accepted: u64,
    /// Item set: items whose result a jury changed, bit 0 for an adjudicator's scores; null where no jury decided.
    #[serde(with = "item_set::option")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, example = "0000000000000000"))]
    pub overturned: Option<u64>,
    /// Per item the accepted answer, hex, or null where none was.
    #[cfg_attr(feature = "schema", schema(example = json!(["07", "03", null])))]
    pub answers: Vec<Option<String>>,
    /// SHA-256 of the lot's answers, hex, zeros where nothing is accepted.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub digest: Digest,
    /// Fee, in units of the token.
    pub fee: Amount,
    /// Returned to the requester, in units of the token.
    pub refund: Amount,
    /// Unix time, seconds.
    pub settled_at: u32,
    /// Journal line.
    pub seq: u64,
}
