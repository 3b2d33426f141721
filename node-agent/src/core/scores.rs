//! What a jury about an adjudicator's scores is shown. It is the only worker that sees answers of others: all other rounds
//! are worked blind, so that an extension or a jury does not repeat what stands there already.

use piecework_interface::{answers::Items, dispute::read_items, draw::Draw, view::LotState};
use serde_json::json;

use super::facts::BatchFacts;
use crate::record::Place;

/// Scores to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scores {
    /// Items that the jury reads, bit i for item i of the lot.
    pub items: u64,
    /// Scores, report and copies for the worker, as JSON. A copy has its answers to these items, in their order.
    pub text: String,
}

impl BatchFacts {
    /// What the jury of this place judges; `None` in any other round.
    #[must_use]
    pub fn scores(&self, place: Place) -> Option<Scores> {
        let lot = self.lots.get(&place.lot).filter(|_| self.is_about_scores(place.round))?;
        let verdict = lot.case.as_ref()?.verdict.as_ref()?;
        let Draw::Seeded(seed) = &lot.draw else { return None };
        let items = read_items(self.open.lot_items(place.lot), &seed.value).fold(0, |items, item| items | 1 << item);
        let width = self.open.terms.answer_width;
        let text = json!({
            "scores": verdict.scores,
            "report": hex::encode(verdict.report),
            "width": width,
            "copies": copies(lot, items, width.into()),
        });
        Some(Scores { items, text: text.to_string() })
    }
}

/// Each copy's answers to the items, hex; `None` where it did not reveal.
fn copies(lot: &LotState, items: u64, width: usize) -> Vec<Option<String>> {
    let answers = |bytes: &[u8]| -> String {
        let read = Items(items).iter().filter_map(|item| bytes.chunks_exact(width.max(1)).nth(item.into()));
        read.map(hex::encode).collect()
    };
    lot.slots[..lot.work_slots()].iter().map(|slot| slot.revealed().map(answers)).collect()
}

#[cfg(test)]
mod tests {
    use piecework_interface::{
        case::Verdict,
        draw::Seed,
        ids::{AccountNo, BatchId, LotId},
        terms::{JURY, Terms, Verification},
        view::{BatchStatus, OpenBatch, Progress, Slot, SlotPhase},
    };

    use super::*;

    #[test]
    fn scores__should_show_a_jury_the_answers_to_what_it_reads() {
        // Given an adjudicated lot of ten items of two bytes, one of whose two copies did not reveal.
        let adjudicated = Verification::Adjudicated { adjudicator: AccountNo(1), verdict_ttl_s: 60 };
        let terms = Terms { lot_size: 10, answer_width: 2, start: 2, verification: adjudicated, ..Terms::default() };
        let open = OpenBatch {
            requester: AccountNo(0),
            requester_operator: AccountNo(0),
            token: piecework_interface::ids::NEAR,
            terms,
            fixed: Default::default(),
            items: 10,
            manifest: [0; 32],
            created_at: 0,
            appendable: false,
            forget_on_close: false,
            referrer: None,
            appended: [0; 32],
            progress: Progress::default(),
            escrow: Default::default(),
        };
        let slot = |node, phase| Slot { node: AccountNo(node), operator: AccountNo(node), round: 0, phase };
        let answers = (0..10).flat_map(|item| [item, 0xff]).collect();
        let slots = vec![slot(5, SlotPhase::Revealed(answers)), slot(6, SlotPhase::Committed([0; 32]))];
        // A seed that begins to read at item 4.
        let mut value = [0; 16];
        value[0] = 4;
        let seed = Seed { value, at: 0, height: 0, tickets: 9, appeal: true };
        let mut lot = LotState { round: JURY, draw: Draw::Seeded(seed), slots, ..LotState::default() };
        lot.case_mut().verdict = Some(Verdict { scores: vec![10_000, 0], report: [0xab; 32] });
        let lots = [(LotId(0), lot)].into();
        let batch = BatchFacts { status: BatchStatus::Open, open, lots };
        // When its jury is served, then it sees eight items from there on, in the lot's order.
        let place = |round| Place { batch: BatchId(0), lot: LotId(0), round };
        let scores = batch.scores(place(JURY)).unwrap();
        assert_eq!(scores.items, 0b11_1111_0011);
        let shown: serde_json::Value = serde_json::from_str(&scores.text).unwrap();
        assert_eq!(shown["copies"], json!(["00ff01ff04ff05ff06ff07ff08ff09ff", null]));
        assert_eq!((&shown["scores"], &shown["width"]), (&json!([10_000, 0]), &json!(2)));
        assert_eq!(shown["report"], "ab".repeat(32));
        // No other round sees any of it.
        assert_eq!(batch.scores(place(0)), None);
    }
}
