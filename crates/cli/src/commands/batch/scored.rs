//! Results of an adjudicated batch: every copy of an item with its score, and the report that the results' root stands for.

use anyhow::Context as _;
use piecework_api::{LotWithSlots, Slot, client::Client};
use piecework_console::Problem;
use piecework_interface::{
    case::Verdict,
    history::SlotEnd,
    ids::{Digest, LotId},
};
use serde::Serialize;

/// Bytes of a report at most.
const REPORT_MAX: u64 = 1 << 30;

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

/// The verdict on a lot, if its scores hold: then its report is what settled.
pub(super) fn verdict<'a>(lot: &'a LotWithSlots, settled: &Digest) -> Option<&'a Verdict> {
    lot.lot.case.as_ref()?.verdict.as_ref().filter(|verdict| verdict.report == *settled)
}

/// The copies of an item of a lot, best first.
pub(super) fn copies(lot: &LotWithSlots, item: u8, width: u8, settled: &Digest) -> Vec<Copy> {
    let scores = verdict(lot, settled).map(|verdict| verdict.scores.as_slice()).unwrap_or_default();
    // What was released or replaced before the reveals has no place in the lot's order, which the scores follow.
    let kept = |slot: &&Slot| slot.round == 0 && slot.outcome == Some(SlotEnd::Settled);
    let (item, width) = (usize::from(item), usize::from(width));
    let copy = |(place, slot): (usize, &Slot)| {
        let answer = hex::encode(slot.answers.as_ref()?.get(item * width..(item + 1) * width)?);
        Some(Copy { node_id: slot.node_id.clone(), answer, score: scores.get(place).copied() })
    };
    let mut copies: Vec<Copy> = lot.slots.iter().filter(kept).enumerate().filter_map(copy).collect();
    copies.sort_by_key(|copy| std::cmp::Reverse(copy.score));
    copies
}

/// The bytes of a report.
pub(super) async fn report(gateway: &Client, lot: LotId, digest: &Digest) -> anyhow::Result<Vec<u8>> {
    gateway.blob(digest, REPORT_MAX).await?.with_context(|| {
        Problem::new(
            format!("lot {lot} settled by the report {}, which the gateway does not hold", hex::encode(digest)),
            "ask the adjudicator for it, or another gateway: --gateway-url URL",
        )
    })
}

#[cfg(test)]
mod tests {
    use piecework_api::{Lot, LotState, SlotPhase};
    use piecework_interface::{amount::Amount, case::Case, draw::Draw, ids::AccountNo, ids::BatchId};

    use super::*;

    fn slot(node_id: &str, outcome: SlotEnd, answers: Option<&[u8]>) -> Slot {
        Slot {
            batch: BatchId(0),
            lot: LotId(0),
            claimed_seq: 0,
            node: AccountNo(0),
            node_id: node_id.to_owned(),
            operator: AccountNo(0),
            round: 0,
            phase: SlotPhase::Revealed,
            reserved_until: 0,
            commitment: None,
            answers: answers.map(<[u8]>::to_vec),
            claimed_at: 0,
            committed_at: None,
            revealed_at: None,
            outcome: Some(outcome),
            pay: Amount(0),
            juror_fee: Amount(0),
            slash: Amount(0),
            reputation: None,
            agreed: None,
            ended_at: None,
        }
    }

    fn lot(verdict: Verdict, slots: Vec<Slot>) -> LotWithSlots {
        let lot = Lot {
            batch: BatchId(0),
            lot: LotId(0),
            state: LotState::Settled,
            first_item: 0,
            items: 2,
            round: 0,
            begun_at: 0,
            reward: None,
            appeal: true,
            clock_at: 0,
            phase_at: 0,
            leavers: Vec::new(),
            open_items: 0,
            draw: Draw::Closed,
            case: Some(Box::new(Case { verdict: Some(verdict), ..Case::default() })),
            reserved: 0,
            committed: 0,
            revealed: 0,
            settlement: None,
            updated_seq: None,
        };
        LotWithSlots { lot, slots, challenges: Vec::new() }
    }

    #[test]
    fn copies__should_have_the_scores_of_their_places_best_first() {
        // Given a lot of two items of one byte, in which one reservation was replaced and one copy stayed silent
        let slots = vec![
            slot("left.near", SlotEnd::Abandoned, None),
            slot("low.near", SlotEnd::Settled, Some(&[1, 2])),
            slot("silent.near", SlotEnd::Settled, None),
            slot("high.near", SlotEnd::Settled, Some(&[3, 4])),
        ];
        let (held, other) = ([0xAA; 32], [0xBB; 32]);
        let lot = lot(Verdict { scores: vec![10, 0, 9_000], report: held }, slots);

        // Then its second item has two copies, with scores if the report is what settled
        let told = |settled| {
            copies(&lot, 1, 1, settled).into_iter().map(|it| (it.node_id, it.answer, it.score)).collect::<Vec<_>>()
        };
        let copy = |node: &str, answer: &str, score| (node.to_owned(), answer.to_owned(), score);
        assert_eq!(told(&held), [copy("high.near", "04", Some(9_000)), copy("low.near", "02", Some(10))]);
        assert_eq!(told(&other), [copy("low.near", "02", None), copy("high.near", "04", None)]);
        assert!(verdict(&lot, &held).is_some() && verdict(&lot, &other).is_none());
    }
}
