//! What opened gold says of the copies.

use std::collections::{BTreeMap, BTreeSet};

use piecework_interface::{
    answers::{Answers, Items},
    history::SlotEnd,
    ids::{AccountNo, BatchId, Digest, LotId},
    terms::JURY,
    view,
};
use serde::{Deserialize, Serialize};

use super::{Opening, takes_answers};
use crate::{BatchState, LotState, LotWithSlots, Page, Slot, SlotPhase};

/// Gold of a batch, counted over everything that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BatchGold {
    /// Batch.
    pub batch: BatchId,
    /// Root on its creation's line, hex.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub gold_root: Digest,
    /// Leaves under the root; absent until one is open.
    pub leaves: Option<u32>,
    /// Root of the tree of leaves, hex; absent until one is open.
    #[serde(with = "crate::hex_option")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub tree: Option<Digest>,
    /// Leaves that are open. While some are not, the requester may show what suits it.
    pub opened: u32,
    /// Items with two answers under the root, which count for and against no node.
    pub contradicted: u32,
    /// Items of settled lots whose accepted answer is not gold's.
    pub against: u32,
    /// Counts by node and round.
    pub nodes: Vec<NodeGold>,
}

/// A page of a batch's open gold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GoldPage {
    /// The batch's counts.
    #[serde(flatten)]
    pub gold: BatchGold,
    /// Open leaves, by place.
    #[serde(flatten)]
    pub page: Page<GoldItem>,
}

/// An open leaf, and what the copies of its item say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GoldItem {
    /// The opening, which proves itself against the root.
    #[serde(flatten)]
    pub opening: Opening,
    /// SHA-256 of the document that opened it first, hex: a blob.
    pub document: String,
    /// Lot of the item.
    pub lot: LotId,
    /// Where the lot stands.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "settled"))]
    pub state: LotState,
    /// Whether another open leaf has another answer to the item.
    pub contradicted: bool,
    /// The accepted answer, hex; absent where none was, or the lot has not settled.
    pub accepted: Option<String>,
    /// What each copy says.
    pub copies: Vec<GoldCopy>,
}

/// A copy of an item with gold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GoldCopy {
    /// Account number of the node.
    pub node: AccountNo,
    /// Its account id.
    pub node_id: String,
    /// 0, 1 for the extension, 2 for a jury.
    pub round: u8,
    /// What it says.
    pub said: Said,
}

/// What a copy says of gold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Said {
    /// Gold's answer.
    Right,
    /// Another answer.
    Missed,
    /// Nothing: it committed, and did not reveal.
    Silent,
}

/// Counts of a node in one round of a batch's lots, contradicted items left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NodeGold {
    /// Account number of the node.
    pub node: AccountNo,
    /// Its account id.
    pub node_id: String,
    /// 0, 1 for the extension, whose nodes can see round 0's answers, 2 for a jury, whose nodes can see gold.
    pub round: u8,
    /// Items on which it gave gold's answer.
    pub right: u32,
    /// Items on which it gave another.
    pub missed: u32,
    /// Items on which it committed and did not reveal.
    pub silent: u32,
}

/// What a gateway did with a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GoldStored {
    /// SHA-256 of the document, hex; its blob's name if anything of it was new.
    pub sha256: String,
    /// Openings that were new.
    pub added: u32,
    /// Leaves that are open now.
    pub opened: u32,
}

/// What the copies of an item say, in the order of the lot's slots. Copies of rounds that did not judge the item, that were given
/// back, or that may still be revealed are left out.
#[must_use]
pub fn copies(lot: &LotWithSlots, item: u8, answer: &[u8]) -> Vec<GoldCopy> {
    let (lot, slots) = (&lot.lot, &lot.slots);
    let record = view::LotState { open_items: lot.open_items, case: lot.case.clone(), ..view::LotState::default() };
    // Of an adjudicator's scores a jury answers whether they hold, and no item.
    let is_scored = lot.case.as_ref().is_some_and(|case| case.verdict.is_some());
    let said = |slot: &Slot| {
        if is_scored && slot.round == JURY {
            return None;
        }
        let items = Items(record.judged_items(slot.round, lot.items));
        items.place(item, 1)?;
        let Some(bytes) = &slot.answers else {
            return is_silent(lot.state, lot.round, slot).then_some(Said::Silent);
        };
        let answers = Answers { items, width: u8::try_from(answer.len()).ok()?, bytes: bytes.clone() };
        Some(if answers.get(item)? == answer { Said::Right } else { Said::Missed })
    };
    let copy = |slot: &Slot| {
        Some(GoldCopy { node: slot.node, node_id: slot.node_id.clone(), round: slot.round, said: said(slot)? })
    };
    slots.iter().filter_map(copy).collect()
}

/// Whether a slot without answers kept silent, and will not speak any more.
fn is_silent(state: LotState, round: u8, slot: &Slot) -> bool {
    // A lot with a slot that is live is of a batch that is not closed.
    let may_speak = slot.round == round && takes_answers(BatchState::Open, state);
    slot.phase == SlotPhase::Committed
        && match slot.outcome {
            None => !may_speak,
            Some(end) => end == SlotEnd::Settled,
        }
}

/// Items to which openings have different answers.
#[must_use]
pub fn contradicted<'a>(openings: impl IntoIterator<Item = &'a Opening>) -> BTreeSet<u32> {
    let mut answers: BTreeMap<u32, &[u8]> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for Opening { item, answer, .. } in openings {
        if answers.insert(*item, answer).is_some_and(|other| other != answer) {
            found.insert(*item);
        }
    }
    found
}

/// Items of settled lots whose accepted answer is not gold's, contradicted ones left out.
#[must_use]
pub fn against(items: &[GoldItem]) -> BTreeSet<u32> {
    let differs = |item: &&GoldItem| {
        let gold = hex::encode(&item.opening.answer);
        !item.contradicted && item.accepted.as_ref().is_some_and(|accepted| *accepted != gold)
    };
    items.iter().filter(differs).map(|item| item.opening.item).collect()
}

/// Counts by node and round.
#[must_use]
pub fn per_node(items: &[GoldItem]) -> Vec<NodeGold> {
    let mut counts: BTreeMap<(AccountNo, u8), NodeGold> = BTreeMap::new();
    // A leaf that repeats another says no more.
    let mut seen = BTreeSet::new();
    for item in items.iter().filter(|item| !item.contradicted && seen.insert(item.opening.item)) {
        for copy in &item.copies {
            let (node, node_id, round) = (copy.node, copy.node_id.clone(), copy.round);
            let none = NodeGold { node, node_id, round, right: 0, missed: 0, silent: 0 };
            let count = counts.entry((node, round)).or_insert(none);
            let of = match copy.said {
                Said::Right => &mut count.right,
                Said::Missed => &mut count.missed,
                Said::Silent => &mut count.silent,
            };
            *of = of.saturating_add(1);
        }
    }
    counts.into_values().collect()
}
