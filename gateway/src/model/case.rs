//! A lot's case: gold, challenges, a jury, an adjudicator.

use piecework_interface::case;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Amount, item_set};

/// What gold, challenges, a jury or an adjudicator added to a lot.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Case {
    /// Item set: opened gold items whose answer is the result.
    pub gold: String,
    /// Item set: opened gold items whose answer is not the result; challenged by the requester.
    pub against: String,
    /// Item set: opened gold items without a result whose answer nobody gave.
    pub void: String,
    /// Items that had no result until gold gave them one.
    pub decided: Vec<Decided>,
    /// Who challenged what, in order.
    pub challenges: Vec<Challenge>,
    /// Item set: what the jury answers, as many undisputed items as challenged ones; empty before its draw. In an
    /// adjudicated batch item 0 stands for the scores.
    pub jury_items: String,
    /// The adjudicator's verdict.
    pub verdict: Option<Verdict>,
}

/// An item that had no result until gold gave it one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Decided {
    /// Item of the lot.
    pub item: u8,
    /// The slot whose answer is right, counted in the lot's order.
    pub slot: u8,
}

/// A challenge.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Challenge {
    /// Account number of who challenged.
    pub account: u32,
    /// Item set: the challenged items.
    pub items: String,
    /// The bond put up, yoctoNEAR.
    pub bond: Amount,
}

/// An adjudicator's verdict on a lot.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Verdict {
    /// Per slot in the lot's order, 0..=10000.
    pub scores: Vec<u16>,
    /// SHA-256 of the public report, hex.
    pub report: String,
}

impl From<case::Case> for Case {
    fn from(case: case::Case) -> Self {
        Self {
            gold: item_set(case.gold),
            against: item_set(case.against),
            void: item_set(case.void),
            decided: case.decided.into_iter().map(|case::Decided { item, slot }| Decided { item, slot }).collect(),
            challenges: case
                .challenges
                .into_iter()
                .map(|challenge| Challenge {
                    account: challenge.account.0,
                    items: item_set(challenge.items),
                    bond: challenge.bond.into(),
                })
                .collect(),
            jury_items: item_set(case.jury_items),
            verdict: case
                .verdict
                .map(|verdict| Verdict { scores: verdict.scores, report: hex::encode(verdict.report) }),
        }
    }
}
