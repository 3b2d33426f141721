//! `piecework batch create`: nothing is sent before the whole file and the terms are checked, and nothing is paid
//! before the gateway holds every payload.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use piecework_api::{Manifest, gold::GoldSecret};
use piecework_chain::{AccountId, Coordinator, Sender, TxRequest, ft};
use piecework_client::{calls, token};
use piecework_console::{Problem, amount::format_near};
use piecework_interface::{
    amount::Amount,
    call::BatchSpec,
    config::Bounds,
    event::Entry,
    ids::BatchId,
    lots, money,
    storage::{self, BATCH_BYTES},
    terms::{Terms, TermsError},
    view::{Class, Referrer},
};
use serde::Serialize;

use super::case::CaseArgs;
use crate::{
    classes,
    commands::{account, days, entries, registered, time},
    context::{Context, execute},
    gold,
    items::{self, Item},
    terms::{TermsArgs, option_of},
    tokens::{self, TokenInfo},
    upload::upload,
};

/// Items of a lot of a batch that takes appends, if none are named: every append fills its lots.
const STREAM_LOT_SIZE: u8 = 1;
/// Lots whose worst-case storage a requester should be able to cover at once.
const LOTS_AT_ONCE: u32 = 32;

/// `batch create`.
#[derive(Clone, Debug, Args)]
pub struct CreateArgs {
    /// Items, one JSON value a line; an item's payload is its `payload` field, or the whole line
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Reward token: account, number or near [default: the only listed one]
    #[arg(long)]
    token: Option<String>,
    /// Pay from the internal balance instead of the token account
    #[arg(long)]
    from_balance: bool,
    /// Answers that you know, fixed by a root before work starts: one JSON value a line with the item's `index` (or its id as
    /// `item`) and its `answer`. They are kept, with a secret, beside this file
    #[arg(long, value_name = "FILE", conflicts_with = "adjudicator")]
    gold: Option<PathBuf>,
    /// Let more items be appended until the batch is cancelled, closed or expired: for a stream of requests. Only whole lots can
    /// be followed by others, so a lot has one item unless --lot-size says otherwise; then append multiples of it
    #[arg(long, visible_alias = "open")]
    appendable: bool,
    /// Free the closed batch's storage deposit at once: its results have no proof by the contract then
    #[arg(long, conflicts_with = "callback")]
    forget_on_close: bool,
    /// Check the file, the terms and the balance, and stop
    #[arg(long)]
    dry_run: bool,
    /// Check and upload everything, but write the batch to this file instead of paying: for `intent sign create-batch`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "from_balance"])]
    spec_out: Option<PathBuf>,
    /// What the batch fixes.
    #[command(flatten)]
    terms: TermsArgs,
    /// An adjudicator, a contract to tell, a referrer.
    #[command(flatten)]
    case: CaseArgs,
}

/// A batch that was created.
#[derive(Clone, Debug, Serialize)]
struct Created {
    /// Its number; `None` after a dry run.
    batch: Option<BatchId>,
    /// Items.
    items: u32,
    /// Lots.
    lots: u32,
    /// Locked at most, fee included, in units of the token.
    escrow: Amount,
    /// Where the manifest is: the name of its blob.
    uri: String,
    /// Hash of the transaction that created it.
    tx_hash: Option<String>,
    /// Where the batch is written that an intent is to create.
    spec: Option<PathBuf>,
    /// Items with gold.
    gold_items: usize,
    /// Where gold is kept until it is opened; `None` without, or after a dry run.
    gold: Option<PathBuf>,
}

/// Everything that is known before anything is sent.
struct Plan {
    items: Vec<Item>,
    manifest: Manifest,
    count: u32,
    terms: Terms,
    escrow: u128,
    gold: Option<GoldSecret>,
    referrer: Option<Referrer>,
}

/// Checks everything, uploads, and creates the batch, or writes what an intent of the account signs.
///
/// # Errors
/// If a check fails (then nothing was sent), the gateway does not take the payloads (then nothing was paid), or the
/// chain refuses.
pub(super) async fn run(context: &Context, args: CreateArgs) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let items = items::read(&args.from)?;
    let token = tokens::resolve(context, args.token.as_deref()).await?;
    // An intent is signed elsewhere.
    let signer = if args.spec_out.is_none() { Some(context.signer().await?) } else { None };
    let requester = signer.as_ref().map_or_else(|| context.account_id(), |signer| Ok(signer.account_id().clone()))?;
    let plan = plan(context, &requester, &token, items, &args).await?;
    let mut created = plan.created();
    if !args.dry_run {
        if let (Some(secret), Some(path)) = (&plan.gold, &args.gold) {
            created.gold = Some(gold::keep(secret, path)?);
        }
        let spec = upload_all(context, &plan).await?;
        let spec = BatchSpec {
            callback: args.case.callback,
            appendable: args.appendable,
            forget_on_close: args.forget_on_close,
            referrer: plan.referrer,
            ..spec
        };
        if let Some(path) = args.spec_out {
            write_spec(&spec, &path)?;
            created.spec = Some(path);
        } else if let Some(signer) = signer {
            let contract = coordinator.account_id().clone();
            let request = if args.from_balance {
                TxRequest::to(contract).call(calls::batch_create(token.id(), spec))
            } else {
                let call = token::batch_create(contract.as_str(), plan.escrow, spec);
                TxRequest::to(token.contract()?.clone()).call(call)
            };
            let (batch, tx_hash) = pay(context, &signer, request).await?;
            (created.batch, created.tx_hash) = (Some(batch), Some(tx_hash));
        }
    }
    let escrow = token.show(created.escrow.0);
    context.output.result(&created, || describe(&created, &escrow))
}

/// Sends what pays for a batch: the batch's number, and the transaction.
async fn pay(context: &Context, signer: &Sender, request: TxRequest) -> anyhow::Result<(BatchId, String)> {
    let spinner = context.output.spinner("creating the batch");
    let outcome = execute(signer, request).await?;
    spinner.finish_and_clear();
    let batch = entries(&outcome)?.into_iter().find_map(|entry| match entry {
        Entry::BatchCreated { batch, .. } => Some(batch),
        _ => None,
    });
    let batch = batch.context("the coordinator answered without a batch; see `piecework batch list`")?;
    Ok((batch, outcome.tx_hash.to_string()))
}

pub(super) fn write_spec(spec: &impl Serialize, path: &Path) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(spec)? + "\n";
    fs::write(path, text).with_context(|| {
        Problem::new(format!("{} cannot be written", path.display()), "choose another file for --spec-out")
    })
}

fn describe(created: &Created, escrow: &str) -> String {
    let size = format!("{} items in {} lots", created.items, created.lots);
    let text = what(created, &size, escrow);
    let Some(path) = &created.gold else { return text };
    let batch = created.batch.map_or_else(|| "BATCH".to_owned(), |batch| batch.to_string());
    format!(
        "{text}\ngold of {} items is kept in {}: when work has ended, piecework batch open-gold {batch} --gold {}",
        created.gold_items,
        path.display(),
        path.display()
    )
}

fn what(created: &Created, size: &str, escrow: &str) -> String {
    match (created.batch, &created.spec) {
        (Some(batch), _) => {
            format!("created batch {batch}: {size}, {escrow} locked\nnext: piecework batch watch {batch}")
        }
        (None, Some(path)) => format!(
            "{size} are uploaded; the batch will lock {escrow} at most\nnext: piecework intent sign create-batch {}",
            path.display()
        ),
        (None, None) => format!("{size} would lock {escrow} at most; nothing was sent"),
    }
}

/// Uploads payloads and manifest.
async fn upload_all(context: &Context, plan: &Plan) -> anyhow::Result<BatchSpec> {
    let bar = context.output.bar(u64::from(plan.count), "uploading");
    upload(&context.gateway()?, &plan.items, &plan.manifest, &bar).await?;
    bar.finish_and_clear();
    Ok(BatchSpec {
        terms: plan.terms.clone(),
        items: plan.count,
        manifest: plan.manifest.root,
        uri: plan.manifest.uri(),
        gold_root: plan.gold.as_ref().map_or(gold::NONE, GoldSecret::root),
        ..BatchSpec::default()
    })
}

impl Plan {
    /// What is known of the batch before it is one.
    fn created(&self) -> Created {
        Created {
            batch: None,
            items: self.count,
            lots: lots::lot_count(self.count, self.terms.lot_size),
            escrow: Amount(self.escrow),
            uri: self.manifest.uri(),
            tx_hash: None,
            spec: None,
            gold_items: self.gold.as_ref().map_or(0, |gold| gold.answers().len()),
            gold: None,
        }
    }
}

/// Checks file, terms, storage and balance.
async fn plan(
    context: &Context,
    requester: &AccountId,
    token: &TokenInfo,
    items: Vec<Item>,
    args: &CreateArgs,
) -> anyhow::Result<Plan> {
    let coordinator = context.coordinator()?;
    let config = coordinator.config().await?;
    let now_s = context.now_s().await?;
    let reward = token.units(&args.terms.reward)?;
    let registered = classes::all(&coordinator).await?;
    let class = classes::select(&registered, args.terms.class, "--class")?;
    let mut terms = args.terms.terms(class.class, reward, now_s);
    if args.appendable && args.terms.lot_size.is_none() {
        terms.lot_size = STREAM_LOT_SIZE;
    }
    args.case.apply(context, &mut terms).await?;
    let referrer = args.case.referrer(context).await?;
    terms.check(&config.bounds, token.listed.min_reward.0, now_s).map_err(|error| {
        let fix = match error.field {
            "reward" => format!("the least reward is {}", token.show(token.listed.min_reward.0)),
            _ => fix_of(&error, &terms, &config.bounds),
        };
        Problem::new(format!("{} must be {}", option_of(error.field), error.rule), fix)
    })?;
    let count = u32::try_from(items.len()).context("a batch holds fewer than 2^32 items; split the file")?;
    let manifest = Manifest::new(items.iter().map(|item| item.digest));
    let escrow = money::escrow(&terms, config.fee_bps, count);
    let gold =
        args.gold.as_ref().map(|path| gold::seal(path, &items, &manifest.root, terms.answer_width)).transpose()?;
    let plan = Plan { items, manifest, count, terms, escrow, gold, referrer };
    check_storage(&coordinator, requester, &plan).await?;
    check_balance(context, requester, token, &plan, args.from_balance || args.spec_out.is_some()).await?;
    if let Some(note) = short_lot(plan.count, plan.terms.lot_size).filter(|_| args.appendable) {
        context.output.note(note);
    }
    if let Some(note) = without_appeal(&plan.terms, class, config.jury_nodes) {
        context.output.note(note);
    }
    let repeated = items::duplicates(&plan.items);
    if repeated > 0 {
        context.output.note(format!("note: {repeated} items repeat the payload of another; each is paid for"));
    }
    if let Some(note) = plan.gold.as_ref().and_then(|gold| gold::repeated(gold, &plan.items)) {
        context.output.note(note);
    }
    Ok(plan)
}

/// What to say of an append, or a creation, that leaves a short last lot.
pub(super) fn short_lot(items: u32, lot_size: u8) -> Option<String> {
    let over = items % u32::from(lot_size.max(1));
    (over > 0).then(|| {
        format!(
            "warning: {items} items do not fill lots of {lot_size}: the last lot holds {over}, and nothing can ever be appended after it; \
             give a multiple of {lot_size} items, or create the batch with a --lot-size that divides them (1 for a stream)"
        )
    })
}

/// What to do about terms beyond their bounds.
fn fix_of(error: &TermsError, terms: &Terms, bounds: &Bounds) -> String {
    if error.field == "expires_at" {
        return format!(
            "a batch takes claims until its expiry less --claim-ttl, which is {}: pass --expires of more than that and of {} at most, or a shorter --claim-ttl",
            time(terms.claim_ttl_s),
            days(bounds.lifetime_max_s)
        );
    }
    match serde_json::to_value(bounds).unwrap_or_default().get(error.field) {
        Some(bounds) => format!("the configured bounds are {bounds} seconds"),
        None => "see `piecework batch create --help`".to_owned(),
    }
}

/// What to say of a batch whose class has too few nodes for appeals now.
fn without_appeal(terms: &Terms, class: &Class, jury_nodes: u16) -> Option<String> {
    if terms.challenge_window_s == 0 || class.nodes >= u32::from(jury_nodes) {
        return None;
    }
    let what = match terms.adjudicator() {
        Some(_) => "scores of lots that are drawn meanwhile cannot be challenged",
        None => "until it has them, no lot is drawn",
    };
    Some(format!(
        "note: appeals need {jury_nodes} active nodes in class {}, which has {}: {what}",
        class.class, class.nodes
    ))
}

/// The first claim of each lot reserves its bytes from the requester, so too small a deposit would stall the batch.
async fn check_storage(coordinator: &Coordinator, requester: &AccountId, plan: &Plan) -> anyhow::Result<()> {
    let available = registered(coordinator, requester).await?.available.0;
    let lots = lots::lot_count(plan.count, plan.terms.lot_size).min(LOTS_AT_ONCE);
    let bytes = BATCH_BYTES.saturating_add(storage::lot_bytes(&plan.terms).saturating_mul(lots));
    let needed = storage::cost(bytes);
    if available >= needed {
        return Ok(());
    }
    let missing = format_near(needed - available);
    bail!(Problem::new(
        format!(
            "{requester} has too little storage deposited for {lots} lots at work at once: {missing} NEAR are missing"
        ),
        format!(
            "run `piecework account storage-deposit --amount {missing}`; it is free again when the batch is closed"
        ),
    ))
}

async fn check_balance(
    context: &Context,
    account_id: &AccountId,
    token: &TokenInfo,
    plan: &Plan,
    internal: bool,
) -> anyhow::Result<()> {
    let (held, place) = if internal {
        (account::balance(context, account_id, token.id()).await?, "internal balance")
    } else {
        (ft::balance(&context.rpc, token.contract()?, account_id).await?, "token account")
    };
    if held >= plan.escrow {
        return Ok(());
    }
    bail!(Problem::new(
        format!(
            "the batch locks {} at most, and {account_id}'s {place} holds {}",
            token.show(plan.escrow),
            token.show(held)
        ),
        "post fewer items, lower --reward or --replicas, or get more of the token",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lot__should_warn_before_a_batch_is_sealed() {
        assert_eq!(short_lot(64, 32), None);
        assert_eq!(short_lot(3, 1), None);
        let warning = short_lot(33, 32).unwrap();
        assert!(warning.contains("the last lot holds 1") && warning.contains("--lot-size"), "{warning}");
    }

    #[test]
    fn fix_of__should_name_the_claims_time_beside_the_expiry() {
        // Given an expiry of 20 s beside claims of 600 s
        let terms = Terms { reward: Amount(6), expires_at: 1_020, claim_ttl_s: 600, slice_s: 5, ..Terms::default() };
        let error = TermsError { field: "expires_at", rule: "" };
        let fix = fix_of(&error, &terms, &Bounds::default());
        assert!(fix.contains("--claim-ttl, which is 10m: pass --expires of more than that"), "{fix}");
        let error = TermsError { field: "slice_s", rule: "" };
        assert!(fix_of(&error, &terms, &Bounds::default()).contains("seconds"));
    }
}
