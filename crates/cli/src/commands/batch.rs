//! `piecework batch`: from a file of items to results.

pub mod append;
mod case;
pub mod challenge;
mod create;
mod dispute;
pub mod end;
mod evidence;
mod forget;
mod gold;
mod lot;
mod open_gold;
pub mod place;
pub mod raise;
mod results;
mod scored;
mod skip;
mod verdict;
mod verify;
mod watch;

use std::time::{Duration, Instant};

use anyhow::bail;
use clap::{Args, Subcommand};
use piecework_chain::{BlockRef, Coordinator, LAG_POLL};
use piecework_console::{Problem, table};
use piecework_interface::{
    ids::BatchId,
    lots,
    round::batch_closed_to_claims,
    view::{Batch, BatchStatus},
};
use serde_json::json;

pub use verify::VerifyArgs;

use super::word;
use crate::context::Context;

/// Commands about batches.
#[derive(Debug, Subcommand)]
pub enum BatchCommand {
    /// Check a JSON Lines file, upload its items, lock the reward and post the batch
    Create(Box<create::CreateArgs>),
    /// Check a JSON Lines file, upload its items, lock their reward and append them to an appendable batch
    Append(append::AppendArgs),
    /// Raise the reward of lots that wait for their first claim; the difference is locked out of the balance
    Raise(raise::SendArgs),
    /// Let a batch expire later
    ExtendExpiry(append::ExtendExpiryArgs),
    /// End an appendable batch whose lots have all begun; it closes with the last of them
    Close(BatchArg),
    /// Follow a batch until it is closed
    Watch(watch::WatchArgs),
    /// Fetch a batch's answers as JSON Lines, checked against the chain
    Results(results::ResultsArgs),
    /// Ask the contract whether lots' answers are the ones that settled, with proofs
    Verify(VerifyArgs),
    /// Take no more claims; what is unused of the escrow returns as live lots end
    Cancel(BatchArg),
    /// Take lots that no node holds out of a batch; their escrow returns
    Skip(skip::SkipArgs),
    /// Drop what the contract keeps of a closed batch; its storage deposit is free again, and results have no proof any more
    Forget(BatchArg),
    /// Show what the copies of a lot say before it settles
    Lot(lot::LotArgs),
    /// Have a jury look at results that are wrong, for a deposit out of the balance of the batch's token
    Challenge(challenge::SendArgs),
    /// Publish gold of lots that take no more answers, and say who missed it and which results stand against it
    OpenGold(open_gold::OpenGoldArgs),
    /// Accept to score a batch, as its adjudicator, for a bond out of the balance of its token; or top the bond up
    AdjudicatorAccept(BatchArg),
    /// Stand behind a batch no longer, as its adjudicator: no lot of it begins any more
    Resign(BatchArg),
    /// Score the copies of a lot, as its batch's adjudicator
    Verdict(verdict::VerdictArgs),
    /// List batches
    List,
}

/// A batch.
#[derive(Clone, Copy, Debug, Args)]
pub struct BatchArg {
    /// Number of the batch
    batch: u32,
}

/// Runs a command.
///
/// # Errors
/// If it does not succeed.
pub async fn run(context: &Context, command: BatchCommand) -> anyhow::Result<()> {
    match command {
        BatchCommand::Create(args) => create::run(context, *args).await,
        BatchCommand::Append(args) => append::run(context, args).await,
        BatchCommand::Raise(args) => raise::run(context, args).await,
        BatchCommand::ExtendExpiry(args) => append::extend_expiry(context, args).await,
        BatchCommand::Close(args) => append::close(context, BatchId(args.batch)).await,
        BatchCommand::Watch(args) => watch::run(context, args).await,
        BatchCommand::Results(args) => results::run(context, args).await,
        BatchCommand::Verify(args) => verify::run(context, args).await,
        BatchCommand::Cancel(args) => end::run(context, BatchId(args.batch), end::End::Cancel).await,
        BatchCommand::Skip(args) => skip::run(context, args).await,
        BatchCommand::Forget(args) => forget::run(context, BatchId(args.batch)).await,
        BatchCommand::Lot(args) => lot::run(context, args).await,
        BatchCommand::Challenge(args) => challenge::run(context, args).await,
        BatchCommand::OpenGold(args) => open_gold::run(context, args).await,
        BatchCommand::AdjudicatorAccept(args) => verdict::accept(context, BatchId(args.batch)).await,
        BatchCommand::Resign(args) => verdict::resign(context, BatchId(args.batch)).await,
        BatchCommand::Verdict(args) => verdict::run(context, args).await,
        BatchCommand::List => list(context).await,
    }
}

async fn list(context: &Context) -> anyhow::Result<()> {
    let batches = context.coordinator()?.all_batches().await?;
    let now_s = context.now_s().await?;
    let rows: Vec<Vec<String>> = batches
        .iter()
        .map(|batch| {
            let (items, count) = batch.open.as_ref().map_or((String::new(), String::new()), |open| {
                (open.items.to_string(), lots::lot_count(open.items, open.terms.lot_size).to_string())
            });
            let live = batch.open.as_ref().map_or(0, |open| open.progress.live);
            let status = if is_expired(batch, now_s) { "expired".to_owned() } else { word(batch.status) };
            vec![batch.batch.to_string(), status, items, count, live.to_string(), batch.settled.to_string()]
        })
        .collect();
    context.output.result(&json!(batches), || table(&["batch", "status", "items", "lots", "live", "settled"], &rows))
}

/// Whether a batch is open by its status, and takes no claims any more because of its expiry.
fn is_expired(batch: &Batch, now_s: u32) -> bool {
    let open = batch.open.as_ref().filter(|_| batch.status == BatchStatus::Open);
    open.is_some_and(|open| batch_closed_to_claims(&open.terms, false, now_s))
}

/// How long a batch is looked for that was perhaps created just now: an endpoint may lag behind the one that took it.
const JUST_CREATED: Duration = Duration::from_secs(6);

/// A batch that exists; `None` once the contract has forgotten it.
async fn lookup(coordinator: &Coordinator, batch: BatchId) -> anyhow::Result<Option<Batch>> {
    let began = Instant::now();
    let next = loop {
        if let Some(batch) = coordinator.batch(batch).await? {
            return Ok(Some(batch));
        }
        let root = coordinator.root().await?;
        let next = root.value.next_batch;
        // At the block of its number's count it is there, or gone for ever.
        if batch.0 < next {
            return Ok(coordinator.at(BlockRef::Height(root.block_height)).batch(batch).await?);
        }
        // The one that comes next may be there already.
        if batch.0 > next || began.elapsed() >= JUST_CREATED {
            break next;
        }
        tokio::time::sleep(LAG_POLL).await;
    };
    let fix = match next {
        0 => "create one with `piecework batch create`".to_owned(),
        next => format!("the newest batch is {}; see `piecework batch list`", next - 1),
    };
    bail!(Problem::new(format!("there is no batch {batch} on {}", coordinator.account_id()), fix))
}

/// A batch that exists and is not forgotten.
async fn find(coordinator: &Coordinator, batch: BatchId) -> anyhow::Result<Batch> {
    lookup(coordinator, batch).await?.ok_or_else(|| {
        Problem::new(
            format!("batch {batch} was forgotten: it is closed, and the contract keeps nothing of it, so nothing more can be done with it or proven of it"),
            format!("`piecework batch results {batch}` prints what the gateway has, unproven"),
        )
        .into()
    })
}
