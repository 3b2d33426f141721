//! `piecework batch lot`: what stands in a lot before it settles, for whoever is about to dispute or to score it.

use std::collections::BTreeMap;

use clap::Args;
use piecework_console::table;
use piecework_interface::{
    amount::Amount,
    answers::Answers,
    case::{Case, Challenge},
    dispute::challenge_deposit,
    ids::{AccountNo, BatchId, LotId},
    lots::lot_items,
    settlement::judge,
    terms::JURY,
    view::{Lot, LotPhase, LotState, OpenBatch, Slot, SlotPhase},
};
use serde::Serialize;

use super::dispute;
use crate::{
    commands::{date, word},
    context::Context,
    tokens,
};

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
    /// Challenges that stand, which a jury answers.
    challenges: Vec<Challenged>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Challenged {
    account: AccountNo,
    /// Its name, if the gateway knows it.
    account_id: Option<String>,
    /// Items by their place in the batch; none where an adjudicator's scores are challenged as a whole.
    items: Vec<u32>,
    /// In units of the batch's token.
    deposit: Amount,
    /// Unix time at which the window ends and the jury is drawn, seconds.
    until: u32,
}

#[derive(Debug, Serialize)]
struct Copy {
    /// Account number, as `piecework account show --json` tells it.
    node: AccountNo,
    /// Its name, if the gateway knows it.
    node_id: Option<String>,
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
    let names = names(context, batch, lot.lot).await;
    let copy = |slot: &Slot| Copy {
        node: slot.node,
        node_id: names.get(&slot.node).cloned(),
        round: slot.round,
        is_revealed: matches!(slot.phase, SlotPhase::Revealed(_)),
    };
    let copies = lot.state.slots.iter().map(copy).collect();
    let disputable_s = dispute::disputable_s(&lot, &open, context.now_s().await?);
    let items = items(&open, &lot);
    let challenges = challenges(&open, &lot, &names);
    let token = tokens::resolve(context, Some(&open.token.to_string())).await?;
    let (phase, round, appeal, case) = (lot.state.phase, lot.state.round, lot.state.appeal, lot.state.case);
    let reward = lot.state.reward;
    let standing =
        Standing { batch, lot: lot.lot, phase, round, reward, appeal, disputable_s, copies, items, case, challenges };
    context.output.result(&standing, || describe(&standing, |amount| token.show(amount.0)))
}

/// Names of the lot's nodes and challengers, as the gateway has them; it may be behind, or not there.
async fn names(context: &Context, batch: BatchId, lot: LotId) -> BTreeMap<AccountNo, String> {
    let Ok(gateway) = context.gateway() else { return BTreeMap::new() };
    let Ok(found) = gateway.lot(batch, lot).await else { return BTreeMap::new() };
    let nodes = found.slots.into_iter().map(|slot| (slot.node, slot.node_id));
    nodes.chain(found.challenges.into_iter().map(|challenge| (challenge.account, challenge.account_id))).collect()
}

fn challenges(open: &OpenBatch, lot: &Lot, names: &BTreeMap<AccountNo, String>) -> Vec<Challenged> {
    let (terms, count) = (lot.state.terms(&open.terms), open.lot_items(lot.lot));
    let first = first_item(open, lot.lot);
    let challenge = |challenge: &Challenge| Challenged {
        account: challenge.account,
        account_id: names.get(&challenge.account).cloned(),
        items: match open.terms.adjudicator() {
            Some(_) => Vec::new(),
            None => {
                (0..u32::from(count)).filter(|item| challenge.items >> item & 1 == 1).map(|item| first + item).collect()
            }
        },
        deposit: Amount(challenge_deposit(&terms, count, challenge.items)),
        until: lot.state.challenge_end(&open.terms),
    };
    lot.state.case.iter().flat_map(|case| &case.challenges).map(challenge).collect()
}

fn first_item(open: &OpenBatch, lot: LotId) -> u32 {
    lot.0.saturating_mul(open.terms.lot_size.into())
}

/// The lot as it stood before its jury: what the jury looks at.
fn before_jury(state: &LotState) -> LotState {
    let slots: Vec<Slot> = state.slots.iter().filter(|slot| slot.round != JURY).cloned().collect();
    let round = slots.iter().map(|slot| slot.round).max().unwrap_or(0);
    LotState { round, slots, phase: LotPhase::Provisional, ..state.clone() }
}

/// Every item with its result, if the lot has one, and the copies' answers.
pub(super) fn items(open: &OpenBatch, lot: &Lot) -> Vec<Item> {
    let (terms, state) = (&open.terms, &lot.state);
    let count = lot_items(open.items, terms.lot_size, lot.lot);
    // Before the tally there is nothing to judge, and scores are no answers. A jury's lot has the result that it looks at.
    let is_judged = state.phase == LotPhase::Provisional || state.round == JURY;
    let standing = before_jury(state);
    let judgement = (is_judged && terms.adjudicator().is_none())
        .then(|| judge(terms, count, &standing))
        .map(|judgement| (judgement.accepted(), judgement.answers()));
    // A slot answers what its round judges.
    let copies: Vec<Option<Answers>> = state.slots.iter().map(|slot| state.answers_of(slot, terms, count)).collect();
    (0..count)
        .map(|item| {
            let result = judgement.as_ref().filter(|(accepted, _)| accepted >> item & 1 == 1);
            Item {
                index: first_item(open, lot.lot).saturating_add(u32::from(item)),
                result: result.and_then(|(_, answers)| answers.get(item)).map(hex::encode),
                copies: copies.iter().map(|copy| copy.as_ref()?.get(item).map(hex::encode)).collect(),
            }
        })
        .collect()
}

fn describe(standing: &Standing, show: impl Fn(Amount) -> String) -> String {
    let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let phase = word(standing.phase);
    let window = match standing.disputable_s {
        Some(left) => format!("; its result can be disputed for {left} s"),
        None => String::new(),
    };
    let jury =
        if standing.round == JURY { ", by its jury; the result below is the one that stands until then" } else { "" };
    let mut lines = vec![format!("lot {} is {phase}{jury}{window}; answers are hex", standing.lot)];
    let name = |account: AccountNo, name: &Option<String>| name.clone().unwrap_or_else(|| format!("account {account}"));
    for Challenged { account, account_id, items, deposit, until } in &standing.challenges {
        let items: Vec<String> = items.iter().map(u32::to_string).collect();
        let what = if items.is_empty() { "its scores".to_owned() } else { format!("items {}", items.join(", ")) };
        let then = if standing.round == JURY { "" } else { "; a jury is drawn after " };
        let until = if standing.round == JURY { String::new() } else { date(*until).to_string() };
        lines.push(format!(
            "challenged by {}: {what}, for a deposit of {}{then}{until}",
            name(*account, account_id),
            show(*deposit)
        ));
    }
    for (number, copy) in (1..).zip(&standing.copies) {
        let state = if copy.is_revealed { "" } else { ", not revealed" };
        let round = ["first round", "extension", "jury"].get(usize::from(copy.round)).copied().unwrap_or("?");
        lines.push(format!("copy {number}  of {} ({round}{state})", name(copy.node, &copy.node_id)));
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
    use piecework_interface::terms::Terms;

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

    #[test]
    fn items__should_keep_the_standing_result_while_a_jury_sits() {
        // Given an item on which two of three agreed, challenged, and a juror who says otherwise
        let terms = Terms { lot_size: 1, answer_width: 1, start: 3, quorum_pct: 60, ..Terms::default() };
        let mut open = dispute::tests::batch(terms, 1);
        open.terms.reward = Amount(100);
        let slot = |node, round, answer| Slot {
            node: AccountNo(node),
            operator: AccountNo(node),
            round,
            phase: SlotPhase::Revealed(vec![answer]),
        };
        let slots = vec![slot(1, 0, 7), slot(2, 0, 7), slot(3, 0, 8), slot(4, JURY, 8)];
        let challenge = Challenge { account: AccountNo(3), operator: AccountNo(3), items: 1 };
        let case = Some(Box::new(Case { challenges: vec![challenge], ..Case::default() }));
        let (phase, reward) = (LotPhase::Revealing, Amount(100));
        let state = LotState { phase, round: JURY, slots, case, reward, ..LotState::default() };
        let lot = Lot { batch: BatchId(0), lot: LotId(0), state };

        // Then the result is the one that the jury looks at, and the challenger has a name and a deposit of 5.5 R
        assert_eq!(items(&open, &lot)[0].result.as_deref(), Some("07"));
        let names = BTreeMap::from([(AccountNo(3), "c.near".to_owned())]);
        let found = challenges(&open, &lot, &names);
        assert_eq!((found[0].account_id.as_deref(), found[0].deposit), (Some("c.near"), Amount(550)));
        assert_eq!(found[0].items, [0]);
    }
}
