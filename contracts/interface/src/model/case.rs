//! A lot's case: what challenges, a jury and an adjudicator add to its answers. The record that stands in the lot from the
//! first of them until it settles.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{codec::Element, fields};
use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::model::schema::{Hex32, ItemSet};
use crate::model::{
    amount::Amount,
    ids::{AccountNo, Digest},
    item_set,
};

/// What challenges, a jury or an adjudicator added to a lot.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Case {
    /// Who challenged what: four at most, no item twice. A jury answers what stands here when it begins.
    pub challenges: Vec<Challenge>,
    /// Unix time that the challenge window lasts at least, seconds, because a challenge was replaced; else 0.
    pub open_until: u32,
    /// The adjudicator's verdict.
    pub verdict: Option<Verdict>,
}

fields!(Case as [borsh write] { challenges, open_until, verdict });

/// A challenge: [`crate::rules::dispute::challenge_deposit`] stands behind it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Challenge {
    /// Who.
    pub account: AccountNo,
    /// Its operator then: nobody of the same judges the lot.
    pub operator: AccountNo,
    /// Items, bit i for item i of the lot; bit 0 for an adjudicator's scores.
    #[serde(with = "item_set")]
    #[cfg_attr(feature = "schema", schema(value_type = ItemSet))]
    pub items: u64,
}

fields!(Challenge as [borsh write] { account, operator, items });
impl Element for Challenge {}

/// An adjudicator's verdict on a lot.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Verdict {
    /// Per slot in the lot's order, 0..=10000.
    pub scores: Vec<u16>,
    /// SHA-256 of the public report.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = Hex32))]
    pub report: Digest,
}

fields!(Verdict as [borsh write] { scores, report(hex) });

/// What a juror got beside its seat's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JurorPay {
    /// Node.
    pub node: AccountNo,
    /// Fee credited, in units of the batch's token.
    pub fee: Amount,
    /// Its part of silent jurors' bonds, yoctoNEAR.
    pub near: Amount,
}

fields!(JurorPay as [row] { node, fee, near });

/// What a challenger got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengerPay {
    /// Account.
    pub account: AccountNo,
    /// Credited of its deposit and of the adjudicator's part, in units of the batch's token.
    pub tokens: Amount,
    /// Credited out of slashes, yoctoNEAR.
    pub near: Amount,
}

fields!(ChallengerPay as [row] { account, tokens, near });

impl Case {
    /// All challenged items.
    #[must_use]
    pub fn challenged(&self) -> u64 {
        self.challenges.iter().fold(0, |items, challenge| items | challenge.items)
    }
}
