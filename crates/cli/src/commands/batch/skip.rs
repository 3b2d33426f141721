//! `piecework batch skip`: lots that no node holds leave the batch.

use anyhow::bail;
use clap::Args;
use piecework_client::calls;
use piecework_console::Problem;
use piecework_interface::{
    event::Entry,
    ids::{BatchId, LotId},
    lots,
};
use serde_json::json;

use super::{dispute, end::refund};
use crate::{commands::entries, context::Context, tokens};

/// Lots of one call at most.
const LOTS_MAX: usize = 64;

/// `batch skip`.
#[derive(Debug, Args)]
pub struct SkipArgs {
    /// Number of the batch
    batch: u32,
    /// Numbers of lots, 64 at most
    #[arg(required = true, value_delimiter = ',', value_name = "LOTS")]
    lots: Vec<u32>,
}

pub(super) async fn run(context: &Context, args: SkipArgs) -> anyhow::Result<()> {
    let (batch, coordinator) = (BatchId(args.batch), context.coordinator()?);
    let open = dispute::open(&coordinator, batch, "all of its escrow is back").await?;
    let count = lots::lot_count(open.items, open.terms.lot_size);
    if let Some(lot) = args.lots.iter().find(|lot| **lot >= count) {
        let fix = format!("the batch has lots 0 to {}", count.saturating_sub(1));
        bail!(Problem::new(format!("batch {batch} has no lot {lot}"), fix));
    }
    if args.lots.len() > LOTS_MAX {
        bail!(Problem::new(format!("{} lots are named", args.lots.len()), format!("skip {LOTS_MAX} at once at most")));
    }
    let signer = dispute::requester(context, batch, &open).await?;
    let wanted: Vec<LotId> = args.lots.iter().copied().map(LotId).collect();
    let mut done = Vec::new();
    for lot in &wanted {
        if open.progress.window.is_marked(*lot) && coordinator.lot(batch, *lot).await?.is_none() {
            done.push(*lot);
        }
    }
    if done.len() == wanted.len() {
        let what = format!("{} skipped or settled already in batch {batch}", named(&done));
        bail!(Problem::new(what, "name lots that wait; see `piecework batch watch`"));
    }
    let outcome = context.call(&signer, calls::batch_skip_lots(batch, wanted.clone())).await?;
    let closed = |entry| match entry {
        Entry::Settled { lot, .. } => Some(lot),
        _ => None,
    };
    let entries = entries(&outcome)?;
    let back = refund(&entries, batch);
    let skipped: Vec<LotId> = entries.into_iter().filter_map(closed).collect();
    let kept: Vec<LotId> = wanted.into_iter().filter(|lot| !skipped.contains(lot)).collect();
    let token = tokens::resolve(context, Some(&open.token.to_string())).await?;
    let result = json!({ "batch": batch, "skipped": skipped, "kept": kept, "refund": back.to_string(),
        "tx_hash": outcome.tx_hash.to_string() });
    context.output.result(&result, || {
        let text = format!("skipped {} of batch {batch}; {} came back", names(&skipped), token.show(back));
        if kept.is_empty() {
            return text;
        }
        format!(
            "{text}\n{}: held by a node, skipped or settled already, or not in reach of the batch's window yet",
            names(&kept)
        )
    })
}

fn named(lots: &[LotId]) -> String {
    format!("{} {}", names(lots), if lots.len() == 1 { "is" } else { "are" })
}

fn names(lots: &[LotId]) -> String {
    let lots: Vec<String> = lots.iter().map(|lot| format!("lot {lot}")).collect();
    lots.join(", ")
}
