//! `piecework batch append`, `extend-expiry` and `close`: a batch that lives on, and its end.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use piecework_api::Manifest;
use piecework_client::calls;
use piecework_console::Problem;
use piecework_interface::{
    amount::Amount,
    call::BatchAppendArgs,
    ids::{BatchId, LotId},
    lots, money,
    round::batch_closed_to_claims,
    view::OpenBatch,
};
use serde::Serialize;
use serde_json::json;

use super::{create::write_spec, dispute, find};
use crate::{
    commands::{account, date, word},
    context::Context,
    items,
    terms::seconds,
    tokens,
    upload::upload,
};

/// `batch append`.
#[derive(Debug, Args)]
pub struct AppendArgs {
    /// Number of the batch, which was created with --appendable
    batch: u32,
    /// Items, one JSON value a line, as for `batch create`
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Check the file and the balance, and stop
    #[arg(long)]
    dry_run: bool,
    /// Check and upload everything, but write what is appended to this file: for `intent sign append`
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    spec_out: Option<PathBuf>,
}

/// `batch extend-expiry`.
#[derive(Debug, Args)]
pub struct ExtendExpiryArgs {
    /// Number of the batch
    batch: u32,
    /// Time from now after which nothing new is claimed, such as 7d
    #[arg(value_parser = seconds, value_name = "TIME")]
    expires: u32,
}

/// What was appended.
#[derive(Debug, Serialize)]
struct Appended {
    batch: BatchId,
    /// Items that were appended, and the first of them in the batch.
    items: u32,
    first_item: u32,
    first_lot: LotId,
    /// Locked for them at most, fee included, in units of the token.
    escrow: Amount,
    /// Name of their manifest's blob.
    manifest: String,
    /// Hash of the transaction; `None` unless one was sent.
    tx_hash: Option<String>,
    /// Where it is written what an intent is to append.
    spec: Option<PathBuf>,
}

/// Checks everything, uploads, and appends, or writes what an intent of the requester signs.
///
/// # Errors
/// If a check fails (then nothing was sent), the gateway does not take the payloads (then nothing was paid), or the
/// chain refuses.
pub(super) async fn run(context: &Context, args: AppendArgs) -> anyhow::Result<()> {
    let batch = BatchId(args.batch);
    let items = items::read(&args.from)?;
    let count = u32::try_from(items.len()).context("a batch holds fewer than 2^32 items; split the file")?;
    let open = drawn(context, batch).await?;
    let token = tokens::resolve(context, Some(&open.token.to_string())).await?;
    let escrow = money::escrow(&open.terms, open.fixed.fee_bps, count);
    // An intent is signed elsewhere.
    let signer = match args.spec_out {
        Some(_) => None,
        None => Some(dispute::requester(context, batch, &open).await?),
    };
    let account_id = signer.as_ref().map_or_else(|| context.account_id(), |signer| Ok(signer.account_id().clone()))?;
    let held = account::balance(context, &account_id, open.token).await?;
    if held < escrow {
        bail!(Problem::new(
            format!(
                "{count} items lock {} at most, and {account_id}'s internal balance holds {}",
                token.show(escrow),
                token.show(held)
            ),
            format!("run `piecework account deposit AMOUNT --token {}` first", open.token),
        ));
    }
    let manifest = Manifest::new(items.iter().map(|item| item.digest));
    let mut appended = Appended {
        batch,
        items: count,
        first_item: open.items,
        first_lot: LotId(lots::lot_count(open.items, open.terms.lot_size)),
        escrow: Amount(escrow),
        manifest: hex::encode(manifest.digest),
        tx_hash: None,
        spec: None,
    };
    if !args.dry_run {
        let bar = context.output.bar(u64::from(count), "uploading");
        upload(&context.gateway()?, &items, &manifest, &bar).await?;
        bar.finish_and_clear();
        let append = BatchAppendArgs { batch, items: count, manifest: manifest.root, uri: manifest.uri() };
        if let Some(path) = args.spec_out {
            write_spec(&append, &path)?;
            appended.spec = Some(path);
        } else if let Some(signer) = signer {
            let outcome = context.call(&signer, calls::batch_append(&append)).await?;
            appended.tx_hash = Some(outcome.tx_hash.to_string());
        }
    }
    let escrow = token.show(escrow);
    context.output.result(&appended, || describe(&appended, &escrow))
}

fn describe(appended: &Appended, escrow: &str) -> String {
    let Appended { batch, items, first_item, first_lot, .. } = appended;
    match (&appended.tx_hash, &appended.spec) {
        (Some(_), _) => format!(
            "appended {items} items to batch {batch}, from item {first_item} and lot {first_lot} on; {escrow} locked"
        ),
        (None, Some(path)) => format!(
            "{items} items are uploaded; batch {batch} will lock {escrow} more at most\nnext: piecework intent sign append {}",
            path.display()
        ),
        (None, None) => format!("{items} items would lock {escrow} at most; nothing was sent"),
    }
}

/// How long a seed is waited for between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// A batch that takes appends now: while the last group's seed still chooses, it is waited for.
async fn drawn(context: &Context, batch: BatchId) -> anyhow::Result<OpenBatch> {
    let mut waits = false;
    loop {
        let open = living(context, batch).await?;
        let lots = lots::lot_count(open.items, open.terms.lot_size);
        if open.progress.window.clone().append(lots, &open.terms, context.now_s().await?).is_some() {
            return Ok(open);
        }
        if !waits {
            context.output.note("waiting until any node may claim in the last group, whose seed still chooses");
            waits = true;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A batch that takes appends, once no seed chooses in its last group.
async fn living(context: &Context, batch: BatchId) -> anyhow::Result<OpenBatch> {
    let state = find(&context.coordinator()?, batch).await?;
    let cancelled = state.status != piecework_interface::view::BatchStatus::Open;
    let Some(open) = state.open else {
        bail!(Problem::new(
            format!("batch {batch} is {}", word(state.status)),
            "create another with `piecework batch create --appendable`",
        ));
    };
    if !open.appendable {
        bail!(Problem::new(
            format!("batch {batch} was not created with --appendable"),
            "create one that is: `piecework batch create --appendable`",
        ));
    }
    if batch_closed_to_claims(&open.terms, cancelled, context.now_s().await?) {
        let what = if cancelled {
            format!("batch {batch} is cancelled")
        } else {
            format!("batch {batch} expires {}, too soon for a claim", date(open.terms.expires_at))
        };
        let fix = if cancelled {
            "create another with `piecework batch create --appendable`".to_owned()
        } else {
            format!("run `piecework batch extend-expiry {batch} 7d` first")
        };
        bail!(Problem::new(what, fix));
    }
    if !open.items.is_multiple_of(open.terms.lot_size.into()) {
        bail!(Problem::new(
            format!("the last lot of batch {batch} is short, so nothing can follow it"),
            format!(
                "append multiples of {} items, the last append excepted; create another batch",
                open.terms.lot_size
            ),
        ));
    }
    Ok(open)
}

/// Lets a batch expire later.
///
/// # Errors
/// If the time is not later, or the chain refuses.
pub(super) async fn extend_expiry(context: &Context, args: ExtendExpiryArgs) -> anyhow::Result<()> {
    let (batch, coordinator) = (BatchId(args.batch), context.coordinator()?);
    let open = dispute::open(&coordinator, batch, "it is over").await?;
    let expires_at = context.now_s().await?.saturating_add(args.expires);
    if expires_at <= open.terms.expires_at {
        bail!(Problem::new(
            format!("batch {batch} expires {} already, which is later", date(open.terms.expires_at)),
            "pass a longer TIME; to end it, run `piecework batch cancel`",
        ));
    }
    let signer = dispute::requester(context, batch, &open).await?;
    let outcome = context.call(&signer, calls::batch_extend_expiry(batch, expires_at)).await?;
    let result = json!({ "batch": batch, "expires_at": expires_at, "tx_hash": outcome.tx_hash.to_string() });
    context.output.result(&result, || format!("batch {batch} expires {}", date(expires_at)))
}

/// Ends an appendable batch whose lots have all begun: it closes with the last of them.
///
/// # Errors
/// If lots have not begun, or the chain refuses.
pub(super) async fn close(context: &Context, batch: BatchId) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let state = find(&coordinator, batch).await?;
    let settled = state.settled;
    if let Some(open) = &state.open {
        let lots = lots::lot_count(open.items, open.terms.lot_size);
        let waiting = lots.saturating_sub(settled).saturating_sub(open.progress.live);
        if waiting > 0 {
            bail!(Problem::new(
                format!("{waiting} lots of batch {batch} have not begun"),
                format!("wait for them, or give them up with `piecework batch cancel {batch}`"),
            ));
        }
    }
    super::cancel(context, batch).await
}
