//! A lot's case: what gold, challenges, a jury and an adjudicator add to its answers. Pure rules, and the record that
//! stands in the lot from the first of them until it settles.
//!
//! A jury is a round like any other: five seats drawn by sortition, commitments, reveals. What is its own is who may sit,
//! which items it answers, and that four of five must agree.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{codec::Element, fields};
use serde::{Deserialize, Serialize};

use crate::model::{
    amount::Amount,
    ids::{AccountNo, Digest},
    item_set,
};

/// What gold, challenges, a jury or an adjudicator added to a lot.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Case {
    /// Opened gold items whose answer is the result: who missed one pays the gold rate.
    #[serde(with = "item_set")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub gold: u64,
    /// Opened gold items whose answer is not the result: a jury decides.
    #[serde(with = "item_set")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub against: u64,
    /// Opened gold items that had no result, and whose answer nobody gave.
    #[serde(with = "item_set")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub void: u64,
    /// Opened gold items that had no result until then.
    pub decided: Vec<Decided>,
    /// Who challenged what.
    pub challenges: Vec<Challenge>,
    /// The items that the jury answers: those challenged and as many others, drawn by its seed; none before.
    #[serde(with = "item_set")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub jury_items: u64,
    /// The adjudicator's verdict.
    pub verdict: Option<Verdict>,
}

fields!(Case as [borsh write] { gold, against, void, decided, challenges, jury_items, verdict });

/// An item that had no result until gold gave it one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Decided {
    /// Item of the lot.
    pub item: u8,
    /// The slot whose answer is right, counted in the lot's order.
    pub slot: u8,
}

fields!(Decided as [borsh write row] { item, slot });
impl Element for Decided {}

/// A challenge.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Challenge {
    /// Who.
    pub account: AccountNo,
    /// Items, bit i for item i of the lot.
    #[serde(with = "item_set")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub items: u64,
    /// What it put up, yoctoNEAR.
    pub bond: Amount,
}

fields!(Challenge as [borsh write] { account, items, bond });
impl Element for Challenge {}

/// A gold item, shown.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Opening {
    /// Item of the lot.
    pub item: u8,
    /// Its known answer, `answer_width` bytes.
    pub answer: Vec<u8>,
    /// Salt of its leaf.
    pub salt: [u8; 32],
    /// Siblings of its leaf from the bottom up, [`merkle::prove`](crate::merkle::prove).
    pub proof: Vec<Digest>,
}

fields!(Opening as [borsh] { item, answer, salt, proof });
impl Element for Opening {}

/// An adjudicator's verdict on a lot.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Verdict {
    /// Per slot in the lot's order, 0..=10000.
    pub scores: Vec<u16>,
    /// SHA-256 of the public report.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub report: Digest,
}

fields!(Verdict as [borsh write] { scores, report(hex) });

impl Case {
    /// All challenged items.
    #[must_use]
    pub fn challenged(&self) -> u64 {
        self.challenges.iter().fold(0, |items, challenge| items | challenge.items)
    }

    /// All opened gold items.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.gold | self.against | self.void | items_of(&self.decided)
    }

    /// Notes opened gold; returns its items, or `None` if any of them was open already or is named twice.
    pub fn open_gold(&mut self, equal: u64, against: u64, decided: &[Decided], void: u64) -> Option<u64> {
        let sets = [self.opened(), equal, against, void].into_iter().chain(decided.iter().map(|d| 1 << (d.item % 64)));
        let mut seen = 0;
        for set in sets {
            if seen & set != 0 {
                return None;
            }
            seen |= set;
        }
        let items = seen & !self.opened();
        self.gold |= equal;
        self.against |= against;
        self.void |= void;
        self.decided.extend(decided);
        Some(items)
    }
}

/// The items that gold decided.
#[must_use]
pub fn items_of(decided: &[Decided]) -> u64 {
    decided.iter().fold(0, |items, decided| items | 1 << (decided.item % 64))
}
