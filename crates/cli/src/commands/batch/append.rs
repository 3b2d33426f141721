//! `piecework batch append`, `extend-expiry` and `close`: a batch that lives on, and its end.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use piecework_api::Manifest;
use piecework_chain::{Outcome, Sender, TxError};
use piecework_client::calls;
use piecework_console::Problem;
use piecework_interface::{
    amount::Amount,
    call::BatchAppendArgs,
    draw::Draw,
    ids::{BatchId, LotId},
    lots, money,
    round::batch_closed_to_claims,
    sortition::bar_is_at_one,
    terms::Terms,
    view::{BatchStatus, GROUP_LOTS, OpenBatch},
};
use serde::Serialize;
use serde_json::json;

use super::{
    create::{short_lot, write_spec},
    dispute,
    end::{self, End},
    find,
    place::places,
};
use crate::{
    commands::{account, date, days, time, word},
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
    /// Items that were appended, and the first of them in the batch, by the transaction's own outcome; `None` if none was
    /// sent, or other appends share its block and no gateway shows their order.
    items: u32,
    first_item: Option<u32>,
    first_lot: Option<LotId>,
    /// Locked for them at most, fee included, in units of the token.
    escrow: Amount,
    /// Where their manifest is, as the batch's segment names it.
    uri: String,
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
    if let Some(note) = short_lot(count, open.terms.lot_size) {
        context.output.note(note);
    }
    let manifest = Manifest::new(items.iter().map(|item| item.digest));
    let mut appended = Appended {
        batch,
        items: count,
        first_item: None,
        first_lot: None,
        escrow: Amount(escrow),
        uri: manifest.uri(),
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
            let outcome = send(context, &signer, &append).await?;
            appended.tx_hash = Some(outcome.tx_hash.to_string());
            if let Some(place) = places(context, &outcome).await?.first() {
                (appended.first_item, appended.first_lot) = (place.first_item, place.first_lot);
                appended.escrow = place.escrow;
            }
        }
    }
    let escrow = token.show(appended.escrow.0);
    context.output.result(&appended, || describe(&appended, &escrow))
}

/// Sends the append, again while an append that came first makes it wait.
async fn send(context: &Context, signer: &Sender, append: &BatchAppendArgs) -> anyhow::Result<Outcome> {
    loop {
        let sent = context.call(signer, calls::batch_append(append)).await;
        match sent {
            Err(error) if is_early(&error) => {
                drawn(context, append.batch).await?;
            }
            sent => return sent,
        }
    }
}

/// Whether the contract refused an append only because a seed still chooses.
fn is_early(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(TxError::Failed { failure, .. })
        if failure.code.as_deref() == Some("ERR_BATCH_STATE") && failure.text.contains("still chooses"))
}

fn describe(appended: &Appended, escrow: &str) -> String {
    let Appended { batch, items, first_item, first_lot, .. } = appended;
    match (&appended.tx_hash, &appended.spec) {
        (Some(tx_hash), _) => {
            let place = match (first_item, first_lot) {
                (Some(item), Some(lot)) => format!("from item {item} and lot {lot} on"),
                _ => format!("by {tx_hash}; its place is in /v1/batches/{batch}/segments of a gateway"),
            };
            format!("appended {items} items to batch {batch}, {place}; {escrow} locked")
        }
        (None, Some(path)) => format!(
            "{items} items are uploaded; batch {batch} will lock {escrow} more at most\nnext: piecework intent sign append {}",
            path.display()
        ),
        (None, None) => format!("{items} items would lock {escrow} at most; nothing was sent"),
    }
}

/// How long a seed is waited for between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// Slices after which a bar is at one whatever the tickets are: it doubles with each.
const SLICES: u32 = 64;

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
            let now_s = context.now_s().await?;
            let left_s = free_at(&open).map_or(0, |at| at.saturating_sub(now_s));
            context.output.note(format!(
                "waiting until every node may claim the last {} lots of batch {batch}, which were drawn just now: {} at most, or until they are done; then more may follow them",
                lots % GROUP_LOTS,
                time(left_s)
            ));
            waits = true;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// When the seed of the last group chooses no longer, Unix seconds: every node may claim then.
fn free_at(open: &OpenBatch) -> Option<u32> {
    let lots = lots::lot_count(open.items, open.terms.lot_size);
    let Draw::Seeded(seed) = open.progress.window.draw(lots / GROUP_LOTS)? else { return None };
    let slice_s = open.terms.slice_s.max(1);
    (0..SLICES)
        .map(|slices| seed.at.saturating_add(slices.saturating_mul(slice_s)))
        .find(|at| bar_is_at_one(seed, open.terms.seats(0), slice_s, *at))
}

/// A batch that takes appends, once no seed chooses in its last group.
async fn living(context: &Context, batch: BatchId) -> anyhow::Result<OpenBatch> {
    let state = find(&context.coordinator()?, batch).await?;
    let another = "create another with `piecework batch create --appendable`";
    let status = state.status;
    let Some(open) = state.open else {
        bail!(Problem::new(format!("batch {batch} is {}", word(status)), another));
    };
    if !open.appendable {
        bail!(Problem::new(
            format!("batch {batch} was not created with --appendable"),
            "create one that is: `piecework batch create --appendable`",
        ));
    }
    if status != BatchStatus::Open {
        bail!(Problem::new(format!("batch {batch} is cancelled"), another));
    }
    if batch_closed_to_claims(&open.terms, false, context.now_s().await?) {
        bail!(over(batch, &open.terms));
    }
    if !open.items.is_multiple_of(open.terms.lot_size.into()) {
        bail!(Problem::new(
            format!("the last lot of batch {batch} is short, so nothing can follow it"),
            format!(
                "append multiples of {} items, the last append excepted; create another batch, for a stream with --lot-size 1",
                open.terms.lot_size
            ),
        ));
    }
    Ok(open)
}

/// What to say of a batch that takes no claims any more because of its expiry: no later one can be set.
pub(super) fn over(batch: BatchId, terms: &Terms) -> Problem {
    Problem::new(
        format!(
            "batch {batch} expires {}, and takes claims only until {} ({} before, --claim-ttl): that is over, and cannot be extended any more",
            date(terms.expires_at),
            date(terms.expires_at.saturating_sub(terms.claim_ttl_s)),
            time(terms.claim_ttl_s)
        ),
        format!(
            "create another with `piecework batch create`; `piecework batch cancel {batch}` brings back what this one does not use"
        ),
    )
}

/// Lets a batch expire later.
///
/// # Errors
/// If the batch may not expire then, or the chain refuses.
pub(super) async fn extend_expiry(context: &Context, args: ExtendExpiryArgs) -> anyhow::Result<()> {
    let batch = BatchId(args.batch);
    let (open, expires_at) = extension(context, batch, args.expires).await?;
    let signer = dispute::requester(context, batch, &open).await?;
    let outcome = context.call(&signer, calls::batch_extend_expiry(batch, expires_at)).await?;
    let result = json!({ "batch": batch, "expires_at": expires_at, "tx_hash": outcome.tx_hash.to_string() });
    context.output.result(&result, || format!("batch {batch} expires {}", date(expires_at)))
}

/// A later expiry that the batch may have, Unix seconds.
///
/// # Errors
/// The batch may not expire then.
pub(in crate::commands) async fn extension(
    context: &Context,
    batch: BatchId,
    from_now_s: u32,
) -> anyhow::Result<(OpenBatch, u32)> {
    let coordinator = context.coordinator()?;
    let state = find(&coordinator, batch).await?;
    let status = state.status;
    let Some(open) = state.open.filter(|_| status == BatchStatus::Open) else {
        bail!(Problem::new(format!("batch {batch} is {}", word(status)), "extend one that takes claims"));
    };
    let now_s = context.now_s().await?;
    let lifetime_s = coordinator.config().await?.bounds.lifetime_max_s;
    let expires_at = now_s.saturating_add(from_now_s);
    match not_extensible(batch, &open, expires_at, (lifetime_s, now_s)) {
        Some(problem) => Err(problem.into()),
        None => Ok((open, expires_at)),
    }
}

/// Why an open batch may not expire then.
fn not_extensible(
    batch: BatchId,
    open: &OpenBatch,
    expires_at: u32,
    (lifetime_s, now_s): (u32, u32),
) -> Option<Problem> {
    let terms = &open.terms;
    if terms.may_expire_at(expires_at, false, (open.created_at, lifetime_s), now_s) {
        return None;
    }
    let latest = open.created_at.saturating_add(lifetime_s);
    Some(if batch_closed_to_claims(terms, false, now_s) {
        over(batch, terms)
    } else if terms.adjudicator().is_some() {
        Problem::new(
            format!("batch {batch} has an adjudicator, whose bond waits for its end"),
            "create another batch for what is left",
        )
    } else if expires_at <= terms.expires_at {
        Problem::new(
            format!("batch {batch} expires {} already, which is later", date(terms.expires_at)),
            "pass a longer TIME; to end it, run `piecework batch cancel`",
        )
    } else {
        Problem::new(
            format!(
                "a batch lives {} at most, and batch {batch} was created {}: it expires {} at the latest",
                days(lifetime_s),
                date(open.created_at),
                date(latest)
            ),
            format!("pass {}s or less, or create another batch later", latest.saturating_sub(now_s)),
        )
    })
}

/// Ends an appendable batch whose lots have all begun: it closes with the last of them.
///
/// # Errors
/// If lots have not begun, or the chain refuses.
pub(super) async fn close(context: &Context, batch: BatchId) -> anyhow::Result<()> {
    let state = find(&context.coordinator()?, batch).await?;
    if let Some(open) = &state.open {
        let lots = lots::lot_count(open.items, open.terms.lot_size);
        let waiting = lots.saturating_sub(state.settled).saturating_sub(open.progress.live);
        if waiting > 0 {
            let expired = batch_closed_to_claims(&open.terms, false, context.now_s().await?);
            let (what, fix) = if expired {
                ("never will: it takes no claims any more, since it expired", "give them up")
            } else {
                ("have not begun", "wait for them, or give them up")
            };
            bail!(Problem::new(
                format!("{waiting} lots of batch {batch} {what}"),
                format!("{fix} with `piecework batch cancel {batch}`"),
            ));
        }
    }
    end::run(context, batch, End::Close).await
}

#[cfg(test)]
mod tests {
    use piecework_console::fix_of;

    use super::*;

    #[test]
    fn not_extensible__should_say_why_and_until_when() {
        // Given a batch created at 1,000 that expires at 5,000, with claims of 600 s, where batches live 10,000 s
        let terms = Terms { expires_at: 5_000, claim_ttl_s: 600, ..Terms::default() };
        let mut open = dispute::tests::batch(terms, 4);
        open.created_at = 1_000;
        let why = |expires_at, now_s| not_extensible(BatchId(3), &open, expires_at, (10_000, now_s));
        assert!(why(11_000, 4_400).is_none());
        // Then a time beyond its longest life is refused with the latest one, counted from now
        let late: anyhow::Error = why(11_001, 4_000).unwrap().into();
        assert!(late.to_string().contains("1970-01-01T03:03:20Z at the latest"), "{late}");
        assert!(fix_of(&late).unwrap().contains("pass 7000s or less"), "{late}");
        // And one that takes no claims any more is over
        assert!(why(6_000, 4_401).unwrap().to_string().contains("cannot be extended any more"));
        assert!(why(5_000, 4_000).unwrap().to_string().contains("already"));
    }
}
