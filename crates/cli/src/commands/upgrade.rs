//! `piecework upgrade`: code of another release, rehearsed on a copy, proposed, and applied once everybody could have left.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use piecework_chain::BlockRef;
use piecework_client::calls;
use piecework_console::{Interrupt, Problem};
use piecework_interface::{
    governance::{Change, Proposal, Settings},
    host::sha256,
};
use piecework_stack::{
    Layout, Programs,
    rehearsal::{Rehearsal, Snapshot, rehearse},
};
use serde_json::json;

use super::{
    date,
    deploy::tgas,
    govern::{By, governor, wait},
    time,
};
use crate::{context::Context, files};

/// `upgrade`.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// Coordinator wasm, as `scripts/build-contracts` makes it
    #[arg(value_name = "WASM")]
    wasm: PathBuf,
    /// Try it on a chain of its own, on a copy that `piecework contract snapshot` wrote; the live contract is not asked
    #[arg(long, value_name = "SNAPSHOT", conflicts_with_all = ["dry_run", "wait"])]
    rehearse: Option<PathBuf>,
    /// Say what is next, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Wait until the proposal's time has come, and apply it
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
}

/// Where an upgrade stands.
enum Next {
    /// The contract runs the code.
    Nothing,
    Propose,
    /// Proposed, and to be applied from its time on.
    Apply(Proposal),
}

/// Runs the command.
///
/// # Errors
/// If a step fails, or the rehearsal finds what the code breaks.
pub async fn run(context: &Context, args: UpgradeArgs) -> anyhow::Result<()> {
    let code = files::read_wasm(&args.wasm)?;
    if let Some(path) = &args.rehearse {
        return rehearsal(context, path, code).await;
    }
    let hash = sha256(&code);
    context.output.note(format!("{} has the SHA-256 {}", args.wasm.display(), hex::encode(hash)));
    let next = next(context, &hash).await?;
    if args.dry_run {
        return show(context, &next, &hash).await;
    }
    let proposal = match next {
        Next::Nothing => return show(context, &next, &hash).await,
        Next::Apply(proposal) => proposal,
        Next::Propose => {
            let signer = governor(context, By::Owner).await?;
            context.call(&signer, calls::propose(&Change::Code(hash))).await?;
            context.output.note(format!("{}: proposed the code", signer.account_id()));
            let settings = context.coordinator()?.settings().await?;
            find(&settings, &hash).context("the coordinator does not show the proposal")?
        }
    };
    let is_early = proposal.ready_at > context.now_s().await?;
    if is_early && !args.wait {
        return show(context, &Next::Apply(proposal), &hash).await;
    }
    let signer = governor(context, By::Owner).await?;
    wait(context, &proposal, args.wait).await?;
    let outcome = context.call(&signer, calls::upgrade(code)).await?;
    context.output.note(format!("{}: applied proposal {}", signer.account_id(), proposal.number));
    let gas = outcome.gas_burnt.as_gas();
    context.output.note(format!("`upgrade` burnt {} TGas, transaction {}", tgas(gas), outcome.tx_hash));
    let now = self::next(context, &hash).await?;
    let Next::Nothing = now else {
        bail!(Problem::new("the contract does not run the code", "see `piecework govern show`"));
    };
    show(context, &now, &hash).await
}

async fn next(context: &Context, hash: &[u8; 32]) -> anyhow::Result<Next> {
    let coordinator = context.coordinator()?;
    let account = context.rpc.view_account(coordinator.account_id(), BlockRef::Final).await?;
    let settings = coordinator.settings().await?;
    if account.is_some_and(|account| account.value.code_hash.0 == *hash) {
        return Ok(Next::Nothing);
    }
    Ok(find(&settings, hash).map_or(Next::Propose, Next::Apply))
}

fn find(settings: &Settings, hash: &[u8; 32]) -> Option<Proposal> {
    settings.proposals.iter().find(|proposal| proposal.change == Change::Code(*hash)).cloned()
}

/// Says what is next.
async fn show(context: &Context, next: &Next, hash: &[u8; 32]) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let contract = coordinator.account_id();
    let digest = hex::encode(hash);
    let (state, proposal, text) = match next {
        Next::Nothing => ("runs", None, format!("{contract} runs the code")),
        Next::Propose => {
            let config = coordinator.config().await?;
            let wait = time(config.unbonding_s.saturating_add(config.notice_s));
            (
                "propose",
                None,
                format!("the owner proposes the code next: run this without --dry-run; then it waits {wait}"),
            )
        }
        Next::Apply(proposal) => {
            let text = match proposal.ready_at.saturating_sub(context.now_s().await?) {
                0 => format!("proposal {} may be applied now: run this again", proposal.number),
                left => format!(
                    "proposal {} may be applied from {} on, in {}: run this again then, or with --wait",
                    proposal.number,
                    date(proposal.ready_at),
                    time(left)
                ),
            };
            ("apply", Some(proposal), text)
        }
    };
    let result = json!({
        "contract": contract, "code_sha256": digest, "next": state,
        "proposal": proposal.map(|proposal| proposal.number), "ready_at": proposal.map(|proposal| proposal.ready_at),
    });
    context.output.result(&result, || text)
}

/// Tries the code on a copy, on a chain of its own.
async fn rehearsal(context: &Context, path: &Path, code: Vec<u8>) -> anyhow::Result<()> {
    let snapshot = Snapshot::read(path)?;
    let programs = Programs::find()?;
    let dir = tempfile::Builder::new().prefix("piecework-rehearsal-").tempdir()?;
    let layout = Layout::create(dir.path())?;
    let mut interrupt = Interrupt::catch()?;
    let spinner = context.output.spinner(format!("rehearsing on {} records", snapshot.records.len()));
    let found = tokio::select! {
        found = rehearse(&programs, &layout, &snapshot, code) => found?,
        () = interrupt.wait() => bail!(Problem::new("interrupted while rehearsing", "run it again")),
    };
    spinner.finish_and_clear();
    context.output.result(&found, || describe(&found))?;
    if found.is_good() {
        return Ok(());
    }
    let first: Vec<&str> = found.differences.iter().take(3).map(String::as_str).collect();
    bail!(Problem::new(
        format!("the code breaks what the copy has, in {} places: {}", found.differences.len(), first.join("; ")),
        "do not propose this code; all differences are in the result above",
    ))
}

fn describe(found: &Rehearsal) -> String {
    let mut lines = vec![
        format!("{} at block {}: {} → {}", found.contract, found.block_height, found.code_before, found.code_after),
        format!(
            "upgrade   {} TGas, {} of them for the deployment and migrate",
            tgas(found.gas_burnt),
            tgas(found.migrate_gas)
        ),
        format!("records   {}, of which {} changed", found.records, found.records_changed),
        format!("views     {} pages compared, {} differences", found.views, found.differences.len()),
    ];
    for entry in &found.books {
        let held = if entry.covered { "covered" } else { "not covered" };
        lines.push(format!("money     {}: {} owed of {} held, {held}", entry.token, entry.owed.0, entry.held.0));
    }
    lines.extend(found.added.iter().map(|name| format!("new       {name}")));
    lines.extend(found.differences.iter().map(|difference| format!("differs   {difference}")));
    lines.join("\n")
}
