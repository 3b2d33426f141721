//! `piecework batch open-gold`: known answers are shown while lots are provisional.

use anyhow::bail;
use clap::Args;
use piecework_chain::Coordinator;
use piecework_client::calls;
use piecework_console::{Problem, amount::format_near, table};
use piecework_interface::{
    amount::Amount,
    call::{GoldOpenArgs, PAGE_MAX},
    dispute::{CHALLENGES_MAX, challenge_bond},
    ids::{BatchId, LotId},
    lots::{lot_count, lot_items},
    settlement::{Comparison, judge},
    view::{Lot, OpenBatch},
};
use serde::Serialize;

use super::{case::GoldDir, dispute};
use crate::{
    context::Context,
    gold::{KnownAnswers, Record, Records},
};

/// `batch open-gold`.
#[derive(Debug, Args)]
pub struct OpenGoldArgs {
    /// Number of the batch
    batch: u32,
    /// Number of one lot [default: all that are provisional]
    lot: Option<u32>,
    /// Put up the bonds for known answers that are not the result: a jury decides, and who is wrong pays it
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: GoldDir,
}

/// What opening a lot's gold comes to. Items are counted in the batch.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Opening {
    lot: LotId,
    /// Items whose result is the known answer.
    equal: Vec<u32>,
    /// Items whose result is another.
    against: Vec<u32>,
    /// Items without a result that the known answer decides.
    decided: Vec<u32>,
    /// Items without a result whose known answer nobody gave.
    nobody: Vec<u32>,
    /// Bond for those against the result, yoctoNEAR.
    bond: Amount,
}

pub(super) async fn run(context: &Context, args: OpenGoldArgs) -> anyhow::Result<()> {
    let (batch, coordinator) = (BatchId(args.batch), context.coordinator()?);
    let open = open_batch(&coordinator, batch).await?;
    let records = Records::open(args.place.gold_dir)?;
    let mut record = record(&records, batch, &open)?;
    let known = record.known()?;
    let signer = dispute::requester(context, batch, &open).await?;
    let now_s = context.now_s().await?;
    let lots = provisional(&coordinator, batch, &open, args.lot.map(LotId), now_s).await?;
    let openings: Vec<Opening> =
        lots.iter().map(|lot| opening(&open, lot, &known)).filter(|opening| opening.count() > 0).collect();

    let bonds = openings.iter().fold(0_u128, |sum, opening| sum.saturating_add(opening.bond.0));
    if bonds > 0 && !args.yes {
        let against = openings.iter().map(|opening| opening.against.len()).sum::<usize>();
        context.output.note(show(&openings));
        bail!(Problem::new(
            format!(
                "{against} known answers are not the result: to open them puts up {} NEAR, nothing was sent",
                format_near(bonds)
            ),
            "look at them again; if you are right, run the same command with --yes",
        ));
    }
    let tree = record.tree()?;
    for opening in &openings {
        let items = opening.items();
        let first = opening.lot.0.saturating_mul(u32::from(open.terms.lot_size));
        let of_lot = |item: &u32| {
            let number = u8::try_from(item.checked_sub(first)?).ok()?;
            tree.open(&record.secret, opening.lot, open.terms.lot_size, number, known.get(item)?)
        };
        let call = GoldOpenArgs { batch, lot: opening.lot, openings: items.iter().filter_map(of_lot).collect() };
        // Whatever becomes of the call, its arguments are public.
        record.opened.extend(items);
        records.put(&record)?;
        context.call(&signer, calls::gold_open(&call, opening.bond.0)).await?;
    }
    context.output.result(&openings, || {
        if openings.is_empty() {
            format!("batch {batch} has no gold to open now: no provisional lot holds a known answer that is not open")
        } else {
            show(&openings)
        }
    })
}

/// An open batch with gold.
async fn open_batch(coordinator: &Coordinator, batch: BatchId) -> anyhow::Result<OpenBatch> {
    let open =
        dispute::open(coordinator, batch, "gold is opened while lots are provisional: before they settle").await?;
    if open.gold_root == [0; 32] {
        let fix = "known answers are committed to at the start: `piecework batch create --gold FILE`";
        bail!(Problem::new(format!("batch {batch} has no gold"), fix));
    }
    Ok(open)
}

fn record(records: &Records, batch: BatchId, open: &OpenBatch) -> anyhow::Result<Record> {
    records.get(&open.gold_root)?.ok_or_else(|| {
        let path = records.path(&open.gold_root);
        Problem::new(
            format!("the record of batch {batch}'s gold is not at {}", path.display()),
            "pass the --gold-dir that `batch create` had, or copy the record there",
        )
        .into()
    })
}

/// The provisional lots whose window is open; of one that is named it must be.
async fn provisional(
    coordinator: &Coordinator,
    batch: BatchId,
    open: &OpenBatch,
    only: Option<LotId>,
    now_s: u32,
) -> anyhow::Result<Vec<Lot>> {
    let is_open = |lot: &Lot| dispute::disputable_s(lot, open, now_s).is_some();
    if let Some(only) = only {
        let lot = dispute::lot(coordinator, batch, open, only).await?;
        return if is_open(&lot) { Ok(vec![lot]) } else { Err(dispute::not_disputable(&lot, open).into()) };
    }
    let live = usize::try_from(open.progress.live)?;
    let mut lots = Vec::new();
    for from in (0..lot_count(open.items, open.terms.lot_size)).step_by(usize::try_from(PAGE_MAX)?) {
        if lots.len() >= live {
            break;
        }
        lots.extend(coordinator.lots(batch, LotId(from), PAGE_MAX).await?);
    }
    lots.retain(is_open);
    Ok(lots)
}

/// Compares a lot's result with what is known. What the contract would refuse is left out.
fn opening(open: &OpenBatch, lot: &Lot, known: &KnownAnswers) -> Opening {
    let terms = &open.terms;
    let items = lot_items(open.items, terms.lot_size, lot.lot);
    let first = lot.lot.0.saturating_mul(u32::from(terms.lot_size));
    let judgement = judge(terms, items, &lot.state);
    let case = lot.state.case.as_deref().cloned().unwrap_or_default();
    let may_challenge = case.challenges.len() < CHALLENGES_MAX;
    let mut opening = Opening { lot: lot.lot, ..Opening::default() };
    let mut bits = 0;
    for item in (0..items).filter(|item| case.opened() & (1 << item) == 0) {
        let number = first.saturating_add(u32::from(item));
        let Some(answer) = known.get(&number) else { continue };
        match judgement.compare(item, answer) {
            Comparison::Equal => opening.equal.push(number),
            Comparison::Decides(_) => opening.decided.push(number),
            Comparison::Nobody => opening.nobody.push(number),
            // An item that somebody challenged goes to the jury already.
            Comparison::Against if may_challenge && case.challenged() & (1 << item) == 0 => {
                opening.against.push(number);
                bits |= 1_u64 << item;
            }
            Comparison::Against => {}
        }
    }
    opening.bond = Amount(if bits == 0 { 0 } else { challenge_bond(terms, &open.fixed, items, bits) });
    opening
}

impl Opening {
    const fn count(&self) -> usize {
        self.equal.len() + self.against.len() + self.decided.len() + self.nobody.len()
    }

    fn items(&self) -> Vec<u32> {
        [&self.equal, &self.against, &self.decided, &self.nobody].into_iter().flatten().copied().collect()
    }
}

fn show(openings: &[Opening]) -> String {
    let list = |items: &[u32]| items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let rows: Vec<Vec<String>> = openings
        .iter()
        .map(|it| {
            let bond = if it.bond.0 == 0 { String::new() } else { format!("{} NEAR", format_near(it.bond.0)) };
            vec![it.lot.to_string(), list(&it.equal), list(&it.against), list(&it.decided), list(&it.nobody), bond]
        })
        .collect();
    table(&["lot", "right", "against", "decided", "nobody", "bond"], &rows)
}

#[cfg(test)]
mod tests {
    use piecework_interface::{
        case::{Case, Challenge},
        ids::AccountNo,
        terms::Terms,
        view::{LotPhase, LotState, Slot, SlotPhase},
    };

    use super::*;

    /// A provisional lot of four items, the second of its batch: three copies agree on 1, 2 and 3, and on nothing in the
    /// last item.
    fn market() -> (OpenBatch, Lot) {
        let terms = Terms { lot_size: 4, answer_width: 1, start: 3, max: 3, quorum_pct: 60, ..Terms::default() };
        let terms = Terms { reward: Amount(1_000), bond_pct: 100, challenge_window_s: 600, ..terms };
        let open = dispute::tests::batch(terms, 8);
        let slot =
            |node, last| Slot { node: AccountNo(node), round: 0, phase: SlotPhase::Revealed(vec![1, 2, 3, last]) };
        let slots = vec![slot(1, 7), slot(2, 8), slot(3, 9)];
        let state = LotState { phase: LotPhase::Provisional, slots, ..LotState::default() };
        (open, Lot { batch: BatchId(0), lot: LotId(1), state })
    }

    #[test]
    fn opening__should_tell_right_wrong_and_open_items_apart() {
        let (open, lot) = market();
        let known: KnownAnswers = [(0, vec![9]), (4, vec![1]), (5, vec![6]), (7, vec![8])].into();
        let found = opening(&open, &lot, &known);
        assert_eq!((found.equal, found.against, found.decided), (vec![4], vec![5], vec![7]));
        assert_eq!(found.bond.0, challenge_bond(&open.terms, &open.fixed, 4, 0b10));
        assert!(found.bond.0 > 0);
    }

    #[test]
    fn opening__should_leave_out_what_the_contract_refuses() {
        // Given an item that was opened, and one that somebody challenged.
        let (open, mut lot) = market();
        let challenge = Challenge { account: AccountNo(9), items: 0b10, bond: Amount(1) };
        lot.state.case = Some(Box::new(Case { gold: 1, challenges: vec![challenge], ..Case::default() }));
        let known: KnownAnswers = [(4, vec![1]), (5, vec![6])].into();
        // Then nothing is left to open.
        assert_eq!(opening(&open, &lot, &known).count(), 0);
    }
}
