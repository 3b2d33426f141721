//! Results of an adjudicated batch: every copy of an item with its score, and the report that the results' root stands for.

use anyhow::Context as _;
use piecework_console::Problem;
use piecework_interface::ids::BatchId;
use serde::{Deserialize, Serialize};

use crate::gateway::Gateway;

/// A copy of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Copy {
    /// The node that gave it.
    node_id: String,
    /// Its answer, hex.
    answer: String,
    /// What the adjudicator gave its lot, 0 to 10000; null where no scores hold and all are paid in full.
    score: Option<u16>,
}

/// A settled lot with its copies, as the gateway tells it.
#[derive(Debug, Deserialize)]
pub(super) struct ScoredLot {
    case: Option<CaseRow>,
    slots: Vec<SlotRow>,
}

#[derive(Debug, Deserialize)]
struct CaseRow {
    verdict: Option<Verdict>,
}

#[derive(Debug, Deserialize)]
struct Verdict {
    scores: Vec<u16>,
    report: String,
}

#[derive(Debug, Deserialize)]
struct SlotRow {
    node_id: String,
    round: u8,
    answers: Option<String>,
    outcome: Option<String>,
}

impl ScoredLot {
    /// The lot, from the gateway.
    pub(super) async fn get(gateway: &Gateway, batch: BatchId, lot: u32) -> anyhow::Result<Self> {
        let found = gateway.get(&format!("/v1/batches/{batch}/lots/{lot}")).await?;
        found.with_context(|| format!("the gateway lost lot {lot} of batch {batch}"))
    }

    /// The report, hex, if its scores hold: then it is what settled.
    pub(super) fn report(&self, settled: &str) -> Option<&str> {
        self.verdict(settled).map(|verdict| verdict.report.as_str())
    }

    /// The copies of an item of the lot, best first.
    pub(super) fn copies(&self, item: u8, width: u8, settled: &str) -> Vec<Copy> {
        let scores = self.verdict(settled).map(|verdict| verdict.scores.as_slice()).unwrap_or_default();
        // What was released or replaced before the reveals has no place in the lot's order, which the scores follow.
        let kept = |slot: &&SlotRow| slot.round == 0 && slot.outcome.as_deref() == Some("settled");
        let (item, digits) = (usize::from(item), 2 * usize::from(width));
        let copy = |(place, slot): (usize, &SlotRow)| {
            let answer = slot.answers.as_ref()?.get(item * digits..(item + 1) * digits)?.to_owned();
            Some(Copy { node_id: slot.node_id.clone(), answer, score: scores.get(place).copied() })
        };
        let mut copies: Vec<Copy> = self.slots.iter().filter(kept).enumerate().filter_map(copy).collect();
        copies.sort_by_key(|copy| std::cmp::Reverse(copy.score));
        copies
    }

    fn verdict(&self, settled: &str) -> Option<&Verdict> {
        self.case.as_ref()?.verdict.as_ref().filter(|verdict| verdict.report == settled)
    }
}

/// The bytes of a report.
pub(super) async fn report(gateway: &Gateway, lot: u32, digest: &[u8; 32]) -> anyhow::Result<Vec<u8>> {
    gateway.blob(digest).await?.ok_or_else(|| {
        Problem::new(
            format!("lot {lot} settled by the report {}, which the gateway does not hold", hex::encode(digest)),
            "ask the adjudicator for it, or another gateway: --gateway-url URL",
        )
        .into()
    })
}

#[cfg(test)]
mod tests {
    #![allow(non_snake_case)]
    use serde_json::json;

    use super::*;

    #[test]
    fn copies__should_have_the_scores_of_their_places_best_first() {
        // Given a lot of two items of one byte, in which one reservation was replaced and one copy stayed silent
        let slot = |node: &str, outcome: &str, answers: Option<&str>| json!({ "node_id": node, "round": 0, "outcome": outcome, "answers": answers });
        let slots = [
            slot("left.near", "abandoned", None),
            slot("low.near", "settled", Some("0102")),
            slot("silent.near", "settled", None),
            slot("high.near", "settled", Some("0304")),
        ];
        let verdict = json!({ "scores": [10, 0, 9_000], "report": "aa" });
        let lot = json!({ "case": { "verdict": verdict }, "slots": slots });
        let lot: ScoredLot = serde_json::from_value(lot).unwrap();

        // Then its second item has two copies, with scores if the report is what settled
        let told = |settled| {
            lot.copies(1, 1, settled).into_iter().map(|it| (it.node_id, it.answer, it.score)).collect::<Vec<_>>()
        };
        let copy = |node: &str, answer: &str, score| (node.to_owned(), answer.to_owned(), score);
        assert_eq!(told("aa"), [copy("high.near", "04", Some(9_000)), copy("low.near", "02", Some(10))]);
        assert_eq!(told("bb"), [copy("low.near", "02", None), copy("high.near", "04", None)]);
        assert_eq!((lot.report("aa"), lot.report("bb")), (Some("aa"), None));
    }
}
