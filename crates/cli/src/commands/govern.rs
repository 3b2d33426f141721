//! `piecework govern`: roles, pauses, and changes that wait.

mod propose;
mod show;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::bail;
use clap::{Args, Subcommand};
use piecework_chain::{AccountId, Sender};
use piecework_client::{Call, calls};
use piecework_console::{Problem, Words, one_of};
use piecework_interface::{
    governance::{Change, Feature, Proposal, Role, Settings},
    host::sha256,
};

use super::time;
use crate::{context::Context, files};

/// Between two looks at the chain's clock.
const POLL: Duration = Duration::from_millis(600);

/// Commands about governance. `show` and `apply` are for anybody.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, for as long as the command runs")]
pub enum GovernCommand {
    /// Show who governs, what is paused, and the proposals with the time they still wait
    Show,
    /// Announce a change; it may be applied after everybody could have left
    #[command(subcommand)]
    Propose(propose::ProposeCommand),
    /// Make a proposal hold whose time has come
    Apply(ApplyArgs),
    /// Drop a proposal (owner or guardian)
    Drop(NumberArgs),
    /// Stop features; what is at work goes on (owner or guardian)
    Pause(FeatureArgs),
    /// Let features go on
    Unpause(FeatureArgs),
    /// Give a role to an account, or to nobody
    Role(RoleArgs),
    /// Hand the ownership over, in two steps
    #[command(subcommand)]
    Owner(OwnerCommand),
    /// Name the registered account that fees go to, or nobody
    Treasury(WhoArgs),
}

/// `govern apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Number of the proposal
    number: u32,
    /// Wait until its time has come
    #[arg(long)]
    wait: bool,
    /// The code, if that is what was proposed (owner)
    #[arg(long, value_name = "FILE")]
    wasm: Option<PathBuf>,
}

/// `govern drop`.
#[derive(Clone, Copy, Debug, Args)]
pub struct NumberArgs {
    /// Number of the proposal
    number: u32,
}

/// `govern pause`, `govern unpause`.
#[derive(Debug, Args)]
pub struct FeatureArgs {
    /// Which
    #[arg(value_parser = one_of(FEATURES), required = true)]
    features: Vec<&'static [Feature]>,
}

/// Features as people write them.
const FEATURES: Words<&[Feature]> = &[
    ("deposits", "Token deposits", &[Feature::Deposits]),
    ("batches", "New batches", &[Feature::Batches]),
    ("nodes", "Registration of nodes, and stake added", &[Feature::Nodes]),
    ("claims", "Claims of first rounds", &[Feature::Claims]),
    ("all", "All of them", &Feature::ALL),
];

/// `govern role`.
#[derive(Debug, Args)]
pub struct RoleArgs {
    /// Which
    #[arg(value_parser = one_of(ROLES))]
    role: Role,
    /// To whom
    #[command(flatten)]
    who: WhoArgs,
}

/// Roles as people write them.
const ROLES: Words<Role> = &[
    ("guardian", "May pause, and may drop a proposal", Role::Guardian),
    ("token-admin", "May list tokens and propose their prices", Role::TokenAdmin),
];

/// An account, or nobody.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct WhoArgs {
    /// Account
    account_id: Option<AccountId>,
    /// Nobody
    #[arg(long)]
    nobody: bool,
}

/// Commands about the ownership.
#[derive(Debug, Subcommand)]
pub enum OwnerCommand {
    /// Name who may become the owner by accepting, or nobody
    Propose(WhoArgs),
    /// Become the owner, as the one it named
    Accept,
}

/// Runs a command.
///
/// # Errors
/// If it does not succeed.
pub async fn run(context: &Context, command: GovernCommand) -> anyhow::Result<()> {
    match command {
        GovernCommand::Show => show::run(context).await,
        GovernCommand::Propose(command) => propose::run(context, command).await,
        GovernCommand::Apply(args) => apply(context, args).await,
        GovernCommand::Drop(args) => drop_proposal(context, args.number).await,
        GovernCommand::Pause(args) => {
            let features = features(&args.features);
            step(context, By::Guardian, calls::pause(&features), "paused").await
        }
        GovernCommand::Unpause(args) => {
            let features = features(&args.features);
            step(context, By::Owner, calls::unpause(&features), "unpaused").await
        }
        GovernCommand::Role(args) => {
            let call = calls::role_set(args.role, args.who.account_id.as_deref().map(AsRef::as_ref));
            step(context, By::Owner, call, "gave the role").await
        }
        GovernCommand::Owner(OwnerCommand::Propose(args)) => {
            let call = calls::owner_propose(args.account_id.as_deref().map(AsRef::as_ref));
            step(context, By::Owner, call, "named who may become the owner").await
        }
        GovernCommand::Owner(OwnerCommand::Accept) => {
            step(context, By::ProposedOwner, calls::owner_accept(), "became the owner").await
        }
        GovernCommand::Treasury(args) => {
            let call = calls::treasury_set(args.account_id.as_deref().map(AsRef::as_ref));
            step(context, By::Owner, call, "set the treasury").await
        }
    }
}

/// Who may do a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Owner,
    /// Or the owner.
    Guardian,
    /// Or the owner.
    TokenAdmin,
    ProposedOwner,
}

impl By {
    fn accounts(self, settings: &Settings) -> Vec<&str> {
        let owner = Some(&settings.owner_id);
        let accounts = match self {
            Self::Owner => [owner, None],
            Self::Guardian => [owner, settings.guardian_id.as_ref()],
            Self::TokenAdmin => [owner, settings.token_admin_id.as_ref()],
            Self::ProposedOwner => [settings.proposed_owner_id.as_ref(), None],
        };
        accounts.into_iter().flatten().map(String::as_str).collect()
    }
}

/// Signs a step and shows what holds then. It is checked before anything is sent that the signer may do it.
async fn step(context: &Context, by: By, call: Call, done: &str) -> anyhow::Result<()> {
    let signer = governor(context, by).await?;
    context.call(&signer, call).await?;
    context.output.note(format!("{}: {done}", signer.account_id()));
    show::run(context).await
}

pub(super) async fn governor(context: &Context, by: By) -> anyhow::Result<Sender> {
    let coordinator = context.coordinator()?;
    let signer = context.signer().await?;
    let settings = coordinator.settings().await?;
    let accounts = by.accounts(&settings);
    if accounts.contains(&signer.account_id().as_str()) {
        return Ok(signer);
    }
    let (what, fix) = match accounts[..] {
        [] => ("nobody may do this: no owner is proposed".to_owned(), "run `piecework govern owner propose ACCOUNT`"),
        _ => (
            format!("{} may not do this; {} may", signer.account_id(), accounts.join(" and ")),
            "sign with that account's key: --key-file FILE",
        ),
    };
    bail!(Problem::new(what, fix))
}

async fn drop_proposal(context: &Context, number: u32) -> anyhow::Result<()> {
    find(&context.coordinator()?.settings().await?, number)?;
    step(context, By::Guardian, calls::drop_proposal(number), "dropped the proposal").await
}

async fn apply(context: &Context, args: ApplyArgs) -> anyhow::Result<()> {
    let proposal = find(&context.coordinator()?.settings().await?, args.number)?;
    let (by_owner, call) = match &proposal.change {
        Change::Code(hash) => (true, upgrade(hash, args.wasm.as_deref())?),
        Change::Config(_) | Change::Prices(_) => (false, calls::apply(args.number)),
    };
    // Who may not apply it need not wait for it.
    let signer = if by_owner { governor(context, By::Owner).await? } else { context.signer().await? };
    wait(context, &proposal, args.wait).await?;
    context.call(&signer, call).await?;
    context.output.note(format!("{}: applied proposal {}", signer.account_id(), args.number));
    show::run(context).await
}

fn upgrade(hash: &[u8; 32], wasm: Option<&Path>) -> anyhow::Result<Call> {
    let path = wasm.ok_or_else(|| {
        Problem::new(
            format!("the proposal is code with the SHA-256 {}", hex::encode(hash)),
            "pass the code: --wasm FILE",
        )
    })?;
    let code = files::read_wasm(path)?;
    let found = sha256(&code);
    if found != *hash {
        bail!(Problem::new(
            format!("{} has the SHA-256 {}, not {}", path.display(), hex::encode(found), hex::encode(hash)),
            "pass the code that was proposed",
        ));
    }
    Ok(calls::upgrade(code))
}

/// Waits until a proposal may be applied, by the chain's clock, or says how long that takes.
pub(super) async fn wait(context: &Context, proposal: &Proposal, may_wait: bool) -> anyhow::Result<()> {
    let left = async || anyhow::Ok(proposal.ready_at.saturating_sub(context.now_s().await?));
    let whole = left().await?;
    if whole == 0 {
        return Ok(());
    }
    let text = time(whole);
    if !may_wait {
        bail!(Problem::new(
            format!("proposal {} has to wait for another {text}", proposal.number),
            "apply it then, or pass --wait",
        ));
    }
    context.output.note(format!("proposal {} may be applied in {text}", proposal.number));
    let bar = context.output.bar(whole.into(), "waiting");
    loop {
        let left = left().await?;
        bar.set_position(whole.saturating_sub(left).into());
        if left == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// An open proposal.
fn find(settings: &Settings, number: u32) -> anyhow::Result<Proposal> {
    let found = settings.proposals.iter().find(|proposal| proposal.number == number);
    found.cloned().ok_or_else(|| {
        let open: Vec<String> = settings.proposals.iter().map(|proposal| proposal.number.to_string()).collect();
        let fix = match open.join(", ") {
            none if none.is_empty() => "none is open; see `piecework govern show`".to_owned(),
            open => format!("open are: {open}"),
        };
        Problem::new(format!("there is no open proposal {number}"), fix).into()
    })
}

/// Each of the named features once.
fn features(named: &[&[Feature]]) -> Vec<Feature> {
    Feature::ALL.into_iter().filter(|feature| named.iter().any(|words| words.contains(feature))).collect()
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches as _;

    use super::*;

    #[test]
    fn features__should_be_each_once_or_all() {
        let of = |names: &[&str]| {
            let command = FeatureArgs::augment_args(clap::Command::new("pause").no_binary_name(true));
            features(&FeatureArgs::from_arg_matches(&command.get_matches_from(names)).unwrap().features)
        };
        assert_eq!(of(&["all", "claims"]), Feature::ALL);
        assert_eq!(of(&["claims", "deposits", "claims"]), [Feature::Deposits, Feature::Claims]);
    }

    #[test]
    fn upgrade__should_take_the_proposed_code_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("code.wasm");
        std::fs::write(&path, b"code").unwrap();
        let hash = sha256(b"code");
        assert!(upgrade(&hash, Some(&path)).is_ok());
        let error = upgrade(&[0; 32], Some(&path)).unwrap_err();
        assert!(error.to_string().contains(&hex::encode(hash)), "{error}");
        assert!(upgrade(&hash, None).unwrap_err().to_string().contains("is code"));
    }
}
