//! The run as it happens: lots by state, items a second, who earned what.

use std::time::{Duration, Instant};

use piecework_console::{Output, amount::format_units};
use piecework_interface::{
    ids::{AccountNo, BatchId},
    lots::{lot_count, lot_items},
    view::LotPhase,
};
use piecework_stack::LOCAL_TOKEN_DECIMALS;
use tokio::{sync::watch, task::JoinHandle, time::interval};

use crate::ledger::Ledger;

const TICK: Duration = Duration::from_millis(250);
/// Between two lines where there is no terminal to redraw.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows the batch until it is aborted.
pub(super) fn show(
    output: Output,
    ledger: watch::Receiver<Ledger>,
    batch: BatchId,
    names: Vec<(AccountNo, String)>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let spinner = output.spinner("");
        let started = Instant::now();
        let mut printed: Option<Instant> = None;
        let mut tick = interval(TICK);
        loop {
            tick.tick().await;
            let text = describe(&ledger.borrow(), batch, &names, started.elapsed());
            if spinner.is_hidden() {
                if printed.is_none_or(|at| at.elapsed() >= LINE_EVERY) {
                    output.note(&text);
                    printed = Some(Instant::now());
                }
            } else {
                spinner.set_message(text);
            }
        }
    })
}

fn describe(ledger: &Ledger, batch: BatchId, names: &[(AccountNo, String)], elapsed: Duration) -> String {
    let open = ledger.mirror.batches.get(&batch).and_then(|batch| batch.open.as_ref()).or_else(|| ledger.closed(batch));
    let Some(open) = open else {
        return "waiting for the batch".to_owned();
    };
    let count = |phase: LotPhase| {
        ledger.mirror.lots.iter().filter(|((of, _), state)| *of == batch && state.phase == phase).count()
    };
    let results = ledger.history.results.iter().filter(|result| result.batch == batch);
    let settled = results.clone().count();
    let items: u32 =
        results.clone().map(|result| u32::from(lot_items(open.items, open.terms.lot_size, result.lot))).sum();
    let accepted: u32 = results.map(|result| result.accepted.count_ones()).sum();
    let (working, revealing) = (count(LotPhase::Working), count(LotPhase::Revealing) + count(LotPhase::Provisional));
    let lots = usize::try_from(lot_count(open.items, open.terms.lot_size)).unwrap_or(usize::MAX);
    let waiting = lots.saturating_sub(settled + working + revealing);
    // A rate for people to look at.
    let rate = f64::from(items) / elapsed.as_secs_f64().max(0.1);
    let mut earned: Vec<(u128, &str)> =
        names.iter().map(|(node, name)| (ledger.earned(*node), name.as_str())).collect();
    earned.sort_by(|a, b| b.cmp(a));
    let earned: Vec<String> =
        earned.iter().map(|(units, name)| format!("{name} {}", format_units(*units, LOCAL_TOKEN_DECIMALS))).collect();
    format!(
        "lots: {waiting} waiting, {working} at work, {revealing} revealing, {settled} of {lots} settled; {accepted} items accepted, {rate:.1} items/s\n  earned: {}",
        earned.join(", ")
    )
}
