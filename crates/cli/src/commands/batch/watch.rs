//! `piecework batch watch`: lots settled, at work and waiting, until the batch is closed.

use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use piecework_api::{BatchState, client::Client};
use piecework_console::Problem;
use piecework_interface::{
    ids::BatchId,
    lots,
    round::batch_closed_to_claims,
    view::{Batch, BatchStatus, OpenBatch},
};
use serde::Serialize;

use super::{find, lookup};
use crate::{classes, commands::date, context::Context};

/// Between two questions to the chain: about one block.
const POLL: Duration = Duration::from_millis(600);
/// After so long without a claim the likely reasons are named.
const PATIENCE: Duration = Duration::from_secs(30);
/// Looks at a mirror that is behind a closed batch, at most.
const CATCH_UP: u32 = 10;

/// `batch watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Number of the batch
    batch: u32,
    /// Give up after so long, such as 10m [default: never]
    #[arg(long, value_parser = humantime::parse_duration, value_name = "TIME")]
    timeout: Option<Duration>,
}

/// Where a batch stands: lots by the chain, items by the gateway, if it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Standing {
    batch: BatchId,
    status: BatchStatus,
    lots: u32,
    settled: u32,
    live: u32,
    waiting: u32,
    items: Option<u32>,
    accepted_items: Option<u32>,
    unresolved_items: Option<u32>,
    /// Whether the contract dropped its row.
    forgotten: bool,
}

impl Standing {
    /// A closed batch no longer says how many lots it had; the gateway does, and else they are those that settled.
    fn new(batch: &Batch, known: Option<&piecework_api::Batch>) -> Self {
        let open = batch.open.as_ref().map(|open| lots::lot_count(open.items, open.terms.lot_size));
        let count = open.or(known.map(|known| known.lots)).unwrap_or(batch.settled);
        let live = batch.open.as_ref().map_or(0, |open| open.progress.live);
        let waiting = count.saturating_sub(batch.settled).saturating_sub(live);
        Self {
            batch: batch.batch,
            status: batch.status,
            lots: count,
            settled: batch.settled,
            live,
            waiting: if batch.status == BatchStatus::Closed { 0 } else { waiting },
            items: batch.open.as_ref().map(|open| open.items).or(known.map(|known| known.record.items)),
            accepted_items: known.map(|known| known.counts.accepted_items),
            unresolved_items: known.map(|known| known.counts.unresolved_items),
            forgotten: false,
        }
    }

    /// The batch after the contract forgot it: what stood before, and what the gateway has.
    fn gone(&self, known: Option<&piecework_api::Batch>) -> Self {
        let before = self.clone();
        Self {
            status: BatchStatus::Closed,
            settled: known.map_or(before.settled, |known| known.settled),
            live: 0,
            waiting: 0,
            accepted_items: known.map(|known| known.counts.accepted_items),
            unresolved_items: known.map(|known| known.counts.unresolved_items),
            forgotten: true,
            ..before
        }
    }

    /// Whether no node has begun any lot.
    const fn is_untouched(&self) -> bool {
        self.settled == 0 && self.live == 0
    }

    fn items(&self) -> String {
        match (self.accepted_items, self.unresolved_items, self.items) {
            (Some(accepted), Some(unresolved), Some(items)) => {
                format!("; {accepted} of {items} items accepted, {unresolved} without agreement")
            }
            _ => String::new(),
        }
    }
}

/// Asks chain and gateway where the batch stands.
async fn look(
    context: &Context,
    gateway: &mut Option<Client>,
    batch: BatchId,
    before: Option<&Standing>,
) -> anyhow::Result<Standing> {
    let coordinator = context.coordinator()?;
    let on_chain = match (lookup(&coordinator, batch).await?, before) {
        (Some(on_chain), _) => on_chain,
        // One that is forgotten when it closes goes between two looks.
        (None, Some(before)) => return Ok(before.gone(caught_up(context, gateway, batch).await.as_ref())),
        (None, None) => find(&coordinator, batch).await?,
    };
    let mut known = ask(context, gateway, batch).await;
    if on_chain.status == BatchStatus::Closed {
        // The last word waits a little for a mirror that is behind.
        for _ in 0..CATCH_UP {
            if known.as_ref().is_none_or(|known| known.settled >= on_chain.settled) {
                break;
            }
            tokio::time::sleep(POLL).await;
            known = ask(context, gateway, batch).await;
        }
    }
    Ok(Standing::new(&on_chain, known.as_ref()))
}

/// A forgotten batch in the mirror, which may be a little behind.
async fn caught_up(context: &Context, gateway: &mut Option<Client>, batch: BatchId) -> Option<piecework_api::Batch> {
    let mut known = ask(context, gateway, batch).await;
    for _ in 0..CATCH_UP {
        if known.as_ref().is_none_or(|known| known.status == BatchState::Forgotten) {
            break;
        }
        tokio::time::sleep(POLL).await;
        known = ask(context, gateway, batch).await;
    }
    known
}

/// The gateway only adds to what the chain says, so without it the watch goes on.
async fn ask(context: &Context, gateway: &mut Option<Client>, batch: BatchId) -> Option<piecework_api::Batch> {
    match gateway.as_ref()?.batch(batch, None).await {
        Ok(known) => known,
        Err(error) => {
            context.output.note(format!("accepted items are not shown: {error}"));
            *gateway = None;
            None
        }
    }
}

/// Why nodes may leave a batch alone, with the commands to look.
async fn reasons(context: &Context, batch: BatchId) -> anyhow::Result<String> {
    let coordinator = context.coordinator()?;
    let open = find(&coordinator, batch).await?.open;
    let Some(OpenBatch { terms, requester, .. }) = open else { return Ok(format!("batch {batch} is closed")) };
    if batch_closed_to_claims(&terms, false, context.now_s().await?) {
        return Ok(format!("batch {batch} takes no claims any more: it expires {}", date(terms.expires_at)));
    }
    let classes = classes::all(&coordinator).await?;
    let nodes = classes.iter().find(|class| class.class == terms.class).map_or(0, |class| class.nodes);
    let needed = if terms.challenge_window_s > 0 && terms.adjudicator().is_none() {
        coordinator.config().await?.jury_nodes.into()
    } else {
        u32::from(terms.start)
    };
    let what = format!("no node has begun a lot of batch {batch} so far; likely reasons:");
    let class = format!(
        "class {} has {nodes} active nodes, and a lot needs {needed}{}: see `piecework class list`",
        terms.class,
        if nodes < needed { ", so none can be finished" } else { "" }
    );
    let record = format!(
        "the record of account {requester}: agents refuse a requester more than half of whose lots ended without results, cancelled or skipped ones included: see its batches on the gateway's page"
    );
    let terms = "the terms: agents refuse bonds, slashes, times or rewards beyond their policy: compare `piecework batch create --help`";
    Ok([what, class, record, terms.to_owned()].join("\n  "))
}

pub(super) async fn run(context: &Context, args: WatchArgs) -> anyhow::Result<()> {
    let mut gateway = context.network.gateway_url.is_some().then(|| context.gateway()).transpose()?;
    let batch = BatchId(args.batch);
    let started = Instant::now();
    let mut standing = look(context, &mut gateway, batch, None).await?;
    let mut stalls = false;
    let bar = context.output.bar(u64::from(standing.lots), "lots");
    loop {
        bar.set_position(u64::from(standing.settled));
        bar.set_message(format!(
            "settled, {} at work, {} waiting{}",
            standing.live,
            standing.waiting,
            standing.items()
        ));
        if standing.status == BatchStatus::Closed {
            break;
        }
        if args.timeout.is_some_and(|timeout| started.elapsed() >= timeout) {
            bail!(Problem::new(
                format!(
                    "batch {batch} is not closed after {} s: {} of {} lots are settled",
                    started.elapsed().as_secs(),
                    standing.settled,
                    standing.lots
                ),
                "watch longer, or see whether nodes of its class are active",
            ));
        }
        if !stalls && standing.is_untouched() && started.elapsed() >= PATIENCE {
            stalls = true;
            let reasons = reasons(context, batch).await?;
            bar.suspend(|| context.output.note(reasons));
        }
        tokio::time::sleep(POLL).await;
        let next = look(context, &mut gateway, batch, Some(&standing)).await?;
        // Every change is a line of its own in the JSON form, so that a script can follow.
        if next != standing && context.output.is_json() {
            context.output.result(&standing, String::new)?;
        }
        standing = next;
    }
    bar.finish_and_clear();
    context.output.result(&standing, || {
        let closed = if standing.forgotten { "closed and forgotten" } else { "closed" };
        format!(
            "batch {batch} is {closed}: {} of {} lots settled{}\nnext: piecework batch results {batch}",
            standing.settled,
            standing.lots,
            standing.items()
        )
    })
}
