//! `piecework batch watch`: lots settled, at work and waiting, until the batch is closed.

use std::time::{Duration, Instant};

use clap::Args;
use piecework_interface::{
    ids::BatchId,
    lots,
    view::{Batch, BatchStatus},
};
use serde::Serialize;

use super::find;
use crate::{context::Context, problem::Problem};

/// Between two questions to the chain: about one block.
const POLL: Duration = Duration::from_millis(600);

/// `batch watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Number of the batch
    batch: u32,
    /// Give up after so long, such as 10m [default: never]
    #[arg(long, value_parser = humantime::parse_duration, value_name = "TIME")]
    timeout: Option<Duration>,
}

/// Where a batch stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Standing {
    batch: BatchId,
    status: BatchStatus,
    lots: u32,
    settled: u32,
    live: u32,
    waiting: u32,
}

impl Standing {
    /// A closed batch no longer says how many lots it had: all of them are settled.
    fn new(batch: &Batch) -> Self {
        let count = batch.open.as_ref().map_or(batch.settled, |open| lots::lot_count(open.items, open.terms.lot_size));
        let live = batch.open.as_ref().map_or(0, |open| open.progress.live);
        let waiting = count.saturating_sub(batch.settled).saturating_sub(live);
        Self { batch: batch.batch, status: batch.status, lots: count, settled: batch.settled, live, waiting }
    }
}

pub(super) async fn run(context: &Context, args: WatchArgs) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let batch = BatchId(args.batch);
    let started = Instant::now();
    let mut standing = Standing::new(&find(&coordinator, batch).await?);
    let bar = context.output.bar(u64::from(standing.lots), "lots");
    loop {
        bar.set_position(u64::from(standing.settled));
        bar.set_message(format!("settled, {} at work, {} waiting", standing.live, standing.waiting));
        if standing.status == BatchStatus::Closed {
            break;
        }
        if args.timeout.is_some_and(|timeout| started.elapsed() >= timeout) {
            return Err(Problem::new(
                format!(
                    "batch {batch} is not closed after {} s: {} of {} lots are settled",
                    started.elapsed().as_secs(),
                    standing.settled,
                    standing.lots
                ),
                "watch longer, or see whether nodes of its class are active",
            )
            .into());
        }
        tokio::time::sleep(POLL).await;
        let next = Standing::new(&find(&coordinator, batch).await?);
        // Every change is a line of its own in the JSON form, so that a script can follow.
        if next != standing && context.output.is_json() {
            context.output.result(&standing, String::new)?;
        }
        standing = next;
    }
    bar.finish_and_clear();
    context.output.result(&standing, || {
        format!("batch {batch} is closed: {} lots settled\nnext: piecework batch results {batch}", standing.settled)
    })
}
