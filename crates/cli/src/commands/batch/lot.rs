//! `piecework batch lot`: what stands in a lot before it settles, for whoever is about to dispute or to score it.

use clap::Args;
use piecework_console::table;
use piecework_interface::{
    amount::Amount,
    answers::Answers,
    case::Case,
    ids::{AccountNo, BatchId, LotId},
    lots::lot_items,
    settlement::judge,
    view::{Lot, LotPhase, OpenBatch, Slot, SlotPhase},
};
use serde::Serialize;

use super::dispute;
use crate::{commands::word, context::Context};

/// `batch lot`.
#[derive(Clone, Copy, Debug, Args)]
pub struct LotArgs {
    /// Number of the batch
    batch: u32,
    /// Number of a lot that is at work
    lot: u32,
}

/// A lot as it stands.
#[derive(Debug, Serialize)]
struct Standing {
    batch: BatchId,
    lot: LotId,
    phase: LotPhase,
    /// 0, 1 for the extension, 2 for a jury.
    round: u8,
    /// Reward of a copy of an item, in units of the token: no later raise reaches it.
    reward: Amount,
    /// Whether its result can be disputed at all: its class had nodes enough when it was drawn.
    appeal: bool,
    /// Seconds in which its result can still be disputed.
    disputable_s: Option<u32>,
    /// In the lot's order, which scores follow.
    copies: Vec<Copy>,
    items: Vec<Item>,
    case: Option<Box<Case>>,
}

#[derive(Debug, Serialize)]
struct Copy {
    /// Account number, as `piecework account show --json` tells it.
    node: AccountNo,
    round: u8,
    is_revealed: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Item {
    /// Place in the batch.
    pub(super) index: u32,
    /// The provisional result, hex.
    pub(super) result: Option<String>,
    /// What each copy says, hex; null where it says nothing or was not asked.
    copies: Vec<Option<String>>,
}

pub(super) async fn run(context: &Context, args: LotArgs) -> anyhow::Result<()> {
    let (batch, coordinator) = (BatchId(args.batch), context.coordinator()?);
    let open = dispute::open(&coordinator, batch, "its answers are final: see `piecework batch results`").await?;
    let lot = dispute::lot(&coordinator, batch, &open, LotId(args.lot)).await?;
    let copy = |slot: &Slot| Copy {
        node: slot.node,
        round: slot.round,
        is_revealed: matches!(slot.phase, SlotPhase::Revealed(_)),
    };
    let copies = lot.state.slots.iter().map(copy).collect();
    let disputable_s = dispute::disputable_s(&lot, &open, context.now_s().await?);
    let items = items(&open, &lot);
    let (phase, round, appeal, case) = (lot.state.phase, lot.state.round, lot.state.appeal, lot.state.case);
    let reward = lot.state.reward;
    let standing = Standing { batch, lot: lot.lot, phase, round, reward, appeal, disputable_s, copies, items, case };
    context.output.result(&standing, || describe(&standing))
}

/// Every item with its result, if the lot has one, and the copies' answers.
pub(super) fn items(open: &OpenBatch, lot: &Lot) -> Vec<Item> {
    let (terms, state) = (&open.terms, &lot.state);
    let count = lot_items(open.items, terms.lot_size, lot.lot);
    // Before the tally there is nothing to judge, and scores are no answers.
    let judgement = (state.phase == LotPhase::Provisional && terms.adjudicator().is_none())
        .then(|| judge(terms, count, state))
        .map(|judgement| (judgement.accepted(), judgement.answers()));
    // A slot answers what its round judges.
    let copies: Vec<Option<Answers>> = state.slots.iter().map(|slot| state.answers_of(slot, terms, count)).collect();
    (0..count)
        .map(|item| {
            let result = judgement.as_ref().filter(|(accepted, _)| accepted >> item & 1 == 1);
            Item {
                index: lot.lot.0.saturating_mul(u32::from(terms.lot_size)).saturating_add(u32::from(item)),
                result: result.and_then(|(_, answers)| answers.get(item)).map(hex::encode),
                copies: copies.iter().map(|copy| copy.as_ref()?.get(item).map(hex::encode)).collect(),
            }
        })
        .collect()
}

fn describe(standing: &Standing) -> String {
    let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let phase = word(standing.phase);
    let window = match standing.disputable_s {
        Some(left) => format!("; its result can be disputed for {left} s"),
        None => String::new(),
    };
    let mut lines = vec![format!("lot {} is {phase}{window}; answers are hex", standing.lot)];
    for (number, copy) in (1..).zip(&standing.copies) {
        let state = if copy.is_revealed { "" } else { ", not revealed" };
        lines.push(format!("copy {number}  of account {} (round {}{state})", copy.node, copy.round));
    }
    let names: Vec<String> = (1..=standing.copies.len()).map(|number| format!("copy {number}")).collect();
    let head: Vec<&str> = ["item", "result"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let rows = standing.items.iter().map(|item| {
        [item.index.to_string(), dash(&item.result)].into_iter().chain(item.copies.iter().map(dash)).collect()
    });
    lines.push(table(&head, &rows.collect::<Vec<Vec<String>>>()));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use piecework_interface::{terms::Terms, view::LotState};

    use super::*;

    #[test]
    fn items__should_show_results_and_what_each_copy_says() {
        // Given two items of which the first had no result until its extension
        let terms = Terms { lot_size: 2, answer_width: 1, start: 2, quorum_pct: 60, ..Terms::default() };
        let open = dispute::tests::batch(terms, 4);
        let slot = |node, round, answers: &[u8]| Slot {
            node: AccountNo(node),
            operator: AccountNo(node),
            round,
            phase: SlotPhase::Revealed(answers.to_vec()),
        };
        let slots =
            vec![slot(1, 0, &[1, 7]), slot(2, 0, &[2, 7]), slot(3, 1, &[2]), slot(4, 1, &[2]), slot(5, 1, &[3])];
        let state = LotState { phase: LotPhase::Provisional, round: 1, open_items: 0b1, slots, ..LotState::default() };
        let lot = Lot { batch: BatchId(0), lot: LotId(1), state };

        // Then the extension's copies stand at that item alone
        let hex = |text: &str| (text != "-").then(|| text.to_owned());
        let item =
            |index, result, copies: [&str; 5]| Item { index, result: hex(result), copies: copies.map(hex).into() };
        let expected = [item(2, "02", ["01", "02", "02", "02", "03"]), item(3, "07", ["07", "07", "-", "-", "-"])];
        assert_eq!(items(&open, &lot), expected);
    }
}
