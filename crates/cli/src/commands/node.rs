//! `piecework node`: registration, stake, and the keys of an operator's machines.

use std::{path::PathBuf, str::FromStr};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use piecework_chain::{AccountId, BlockRef, Coordinator, PublicKey, TxRequest, ft, requests};
use piecework_client::{Call, calls};
use piecework_console::{
    Problem,
    amount::{Decimal, format_near},
};
use piecework_interface::{
    ids::ClassId,
    storage,
    view::{Node, NodeStatus},
};
use serde_json::json;

use super::{date, near_amount, registered, word};
use crate::{
    classes,
    context::{Context, execute},
    credentials,
};

/// Commands about nodes. All but `status` act on the signing account's node.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Register the signing account as a node, with stake and classes
    Register(RegisterArgs),
    /// Add stake
    Stake(StakeArgs),
    /// Start to unbond stake; all that backs no work without an amount
    Unstake(UnstakeArgs),
    /// Credit unbonded stake to the NEAR balance
    ClaimStake,
    /// Show a node
    Status(StatusArgs),
    /// Take no more work
    Pause,
    /// Take work again
    Resume,
    /// Declare exactly these classes of work
    Declare(DeclareArgs),
    /// Name the account that stands behind the node and others, or none; it confirms by `piecework operator confirm`
    Operator(OperatorArgs),
    /// Name the account that the node's machines may pay its balances out to, or `none`: no key of theirs pays another
    Payout(PayoutArgs),
    /// Give a machine its own key, which can work and pay out to the payout account, and nothing else
    AddKey(AddKeyArgs),
}

/// `node register`.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// NEAR to stake
    #[arg(long, value_name = "NEAR", allow_negative_numbers = true)]
    stake: Decimal,
    /// Numbers of the classes of work, 1 to 8 [default: the only registered one]
    #[arg(long, value_delimiter = ',', value_name = "CLASSES")]
    classes: Vec<u16>,
    /// NEAR deposited for storage if the account is not registered yet
    #[arg(long, default_value = "0.1", value_name = "NEAR")]
    storage: Decimal,
}

/// `node stake`.
#[derive(Debug, Args)]
pub struct StakeArgs {
    /// NEAR to add
    #[arg(allow_negative_numbers = true)]
    amount: Decimal,
}

/// `node unstake`.
#[derive(Debug, Args)]
pub struct UnstakeArgs {
    /// NEAR to unbond [default: all that is free]
    #[arg(allow_negative_numbers = true)]
    amount: Option<Decimal>,
}

/// `node status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Node [default: the signing account]
    account_id: Option<AccountId>,
}

/// `node declare`.
#[derive(Debug, Args)]
pub struct DeclareArgs {
    /// Numbers of the classes, 1 to 8
    #[arg(value_delimiter = ',', required = true, value_name = "CLASSES")]
    classes: Vec<u16>,
}

/// `node operator`.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct OperatorArgs {
    /// Account that stands behind the node
    account_id: Option<AccountId>,
    /// No operator: the node's own account stands behind it
    #[arg(long)]
    none: bool,
}

/// `node payout`.
#[derive(Debug, Args)]
pub struct PayoutArgs {
    /// Account that gets the money, such as a cold wallet: registered with the reward tokens, not with the contract; or `none`
    #[arg(value_name = "ACCOUNT|none")]
    payout: Payout,
}

/// An account, or none.
#[derive(Clone, Debug)]
struct Payout(Option<AccountId>);

impl FromStr for Payout {
    type Err = <AccountId as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|account_id| Self(Some(account_id))) }
    }
}

/// `node add-key`.
#[derive(Debug, Args)]
pub struct AddKeyArgs {
    /// Public key that the machine made itself [default: a new key is made here]
    #[arg(long)]
    public_key: Option<PublicKey>,
    /// Where a new key is written [default: ACCOUNT.agent.json]
    #[arg(long, value_name = "FILE", conflicts_with = "public_key")]
    out: Option<PathBuf>,
}

/// Runs a command.
///
/// # Errors
/// If it does not succeed.
pub async fn run(context: &Context, command: NodeCommand) -> anyhow::Result<()> {
    match command {
        NodeCommand::Register(args) => register(context, args).await,
        NodeCommand::Stake(args) => {
            let yoctonear = near_amount("the stake", &args.amount)?;
            let signer = context.signer().await?;
            let stake = find(context, signer.account_id()).await?.stake.0.saturating_add(yoctonear);
            let least = context.coordinator()?.config().await?.min_stake.0;
            if let Some(note) = without_ticket(stake, least) {
                context.output.note(note);
            }
            act(context, calls::stake_add(yoctonear), "added to the stake").await
        }
        NodeCommand::Unstake(args) => {
            let amount = args.amount.as_ref().map(|amount| near_amount("the amount", amount)).transpose()?;
            act(context, calls::stake_remove(amount), "started to unbond").await
        }
        NodeCommand::ClaimStake => act(context, calls::stake_claim(), "credited the unbonded stake").await,
        NodeCommand::Status(args) => show(context, &args.account_id.map_or_else(|| context.account_id(), Ok)?).await,
        NodeCommand::Pause => {
            turn(
                context,
                |status| status == NodeStatus::Paused,
                "is paused already",
                "`piecework node resume` takes work again",
            )
            .await?;
            act(context, calls::node_pause(), "paused").await
        }
        NodeCommand::Resume => {
            turn(
                context,
                |status| status != NodeStatus::Paused,
                "is not paused",
                "see it with `piecework node status`",
            )
            .await?;
            act(context, calls::node_resume(), "resumed").await
        }
        NodeCommand::Declare(args) => {
            let classes = chosen(&context.coordinator()?, &args.classes, "CLASSES").await?;
            act(context, calls::node_update(classes), "declared the classes").await
        }
        NodeCommand::Operator(args) => operator(context, args).await,
        NodeCommand::Payout(args) => payout(context, args.payout.0).await,
        NodeCommand::AddKey(args) => add_key(context, args).await,
    }
}

/// Refuses a change of status that changes nothing.
async fn turn(context: &Context, is_so: fn(NodeStatus) -> bool, what: &str, fix: &str) -> anyhow::Result<()> {
    let account_id = context.key()?.account_id;
    let node = find(context, &account_id).await?;
    if is_so(node.status) {
        bail!(Problem::new(format!("{account_id} {what}"), fix));
    }
    Ok(())
}

/// What to say of a stake that makes no ticket.
fn without_ticket(stake: u128, least: u128) -> Option<String> {
    (stake < least).then(|| {
        format!(
            "note: the stake is {} NEAR then, below the least stake of {}, so the node has no ticket and gets no work: stake {} more",
            format_near(stake),
            format_near(least),
            format_near(least - stake)
        )
    })
}

async fn register(context: &Context, args: RegisterArgs) -> anyhow::Result<()> {
    let stake = near_amount("--stake", &args.stake)?;
    let coordinator = context.coordinator()?;
    let classes = chosen(&coordinator, &args.classes, "--classes").await?;
    let min_stake = coordinator.config().await?.min_stake.0;
    let signer = context.signer().await?;
    let account = coordinator.account(signer.account_id()).await?;
    if let Some(node) = account.as_ref().and_then(|account| account.node.as_ref())
        && node.stake.0 >= min_stake
    {
        bail!(Problem::new(
            format!(
                "{} is registered already, with a stake of {} NEAR",
                signer.account_id(),
                format_near(node.stake.0)
            ),
            "`piecework node stake NEAR` adds stake, `piecework node declare CLASSES` sets its classes, `piecework node resume` ends a pause",
        ));
    }
    let staked = account.as_ref().and_then(|account| account.node.as_ref()).map_or(0, |node| node.stake.0);
    if staked.saturating_add(stake) < min_stake {
        bail!(Problem::new(
            format!("--stake {} is below the least stake of {} NEAR", args.stake, format_near(min_stake)),
            format!("pass --stake {} or more", format_near(min_stake - staked)),
        ));
    }
    let mut request = TxRequest::to(coordinator.account_id().clone());
    if account.is_none() {
        request = request
            .call(calls::storage_deposit(signer.account_id().as_str(), near_amount("--storage", &args.storage)?));
    }
    let request = request.call(calls::node_register(classes, stake));
    execute(&signer, request).await?;
    show(context, signer.account_id()).await
}

/// Registered classes of these numbers; without any, the only registered one.
async fn chosen(coordinator: &Coordinator, numbers: &[u16], option: &str) -> anyhow::Result<Vec<ClassId>> {
    let registered = classes::all(coordinator).await?;
    if numbers.is_empty() {
        return Ok(vec![classes::select(&registered, None, option)?.class]);
    }
    let chosen = numbers.iter().map(|number| classes::select(&registered, Some(*number), option));
    let mut chosen = chosen.map(|class| Ok(class?.class)).collect::<Result<Vec<_>, Problem>>()?;
    chosen.sort_unstable();
    chosen.dedup();
    if chosen.len() > storage::CLASSES_MAX {
        bail!(Problem::new(
            format!("{option} names {} classes", chosen.len()),
            format!("name 1 to {} different ones", storage::CLASSES_MAX),
        ));
    }
    Ok(chosen)
}

async fn act(context: &Context, call: Call, done: &str) -> anyhow::Result<()> {
    let signer = context.signer().await?;
    find(context, signer.account_id()).await?;
    context.call(&signer, call).await?;
    context.output.note(format!("{}: {done}", signer.account_id()));
    show(context, signer.account_id()).await
}

async fn operator(context: &Context, args: OperatorArgs) -> anyhow::Result<()> {
    let signer = context.signer().await?;
    let node = find(context, signer.account_id()).await?;
    let number = match &args.account_id {
        Some(account_id) if account_id == signer.account_id() => {
            bail!(Problem::new(
                format!("{account_id} is the node itself"),
                "pass --none: a node stands for itself then"
            ))
        }
        Some(account_id) => Some(context.coordinator()?.account_no(account_id).await?.ok_or_else(|| {
            Problem::new(
                format!("the operator {account_id} is not registered"),
                format!("run `piecework account storage-deposit {account_id}`"),
            )
        })?),
        None => None,
    };
    if node.asked == number {
        let what = format!("{} has named that already", signer.account_id());
        bail!(Problem::new(what, "see its operator with `piecework node status`"));
    }
    let call = calls::node_operator(args.account_id.as_deref().map(AsRef::as_ref));
    let done = match &args.account_id {
        Some(account_id) => format!("named {account_id}, which confirms it with `piecework operator confirm`"),
        None => "has no operator".to_owned(),
    };
    act(context, call, &done).await
}

async fn payout(context: &Context, payout: Option<AccountId>) -> anyhow::Result<()> {
    let signer = context.signer().await?;
    let (coordinator, account_id) = (context.coordinator()?, signer.account_id());
    if payout.as_ref().is_some_and(|payout| payout == account_id || payout == coordinator.account_id()) {
        bail!(Problem::new(
            "the payout account is the node itself or the contract",
            "name another account, whose key is on no machine, or `none`",
        ));
    }
    registered(&coordinator, account_id).await?;
    let account = coordinator.account(account_id).await?;
    let named = account.as_ref().and_then(|account| account.payout.as_deref());
    if named == payout.as_deref().map(AsRef::as_ref) {
        bail!(Problem::new(
            format!("{account_id} has that payout account already"),
            "see it with `piecework account show`"
        ));
    }
    if let Some(payout) = &payout {
        let found = context.rpc.view_account(payout, BlockRef::Final).await?;
        found.with_context(|| {
            Problem::new(
                format!("{payout} does not exist on {}", context.network.name),
                "check its spelling: what is sent to an account that is not there comes back",
            )
        })?;
        // Where it has no room for a token, payouts come back.
        for listed in coordinator.tokens().await?.into_iter().filter(|token| !token.account_id.is_empty()) {
            let token: AccountId = listed.account_id.parse()?;
            if !ft::is_registered(&context.rpc, &token, payout).await.unwrap_or(true) {
                context.output.note(format!(
                    "{payout} is not registered with {token}; run `piecework account storage-deposit {payout} --token {token}`"
                ));
            }
        }
    }
    let outcome = context.call(&signer, calls::payout_set(payout.as_deref().map(AsRef::as_ref))).await?;
    let result = json!({ "account_id": account_id, "payout": payout, "tx_hash": outcome.tx_hash.to_string() });
    context.output.result(&result, || match &payout {
        Some(payout) => format!("{account_id}: machines' keys may pay out to {payout}, and nowhere else"),
        None => format!("{account_id}: machines' keys pay out nowhere"),
    })
}

async fn add_key(context: &Context, args: AddKeyArgs) -> anyhow::Result<()> {
    let contract = context.coordinator()?.account_id().clone();
    let signer = context.signer().await?;
    let account_id = signer.account_id().clone();
    let (public_key, path) = match args.public_key {
        Some(public_key) => (public_key, None),
        None => {
            let path = args.out.unwrap_or_else(|| PathBuf::from(format!("{account_id}.agent.json")));
            let key = credentials::create(&account_id, &path)?;
            (key.public_key, Some(path))
        }
    };
    let added = execute(&signer, requests::machine_key(account_id.clone(), public_key.clone(), &contract)).await;
    if let Err(error) = added {
        if let Some(path) = &path {
            std::fs::remove_file(path)?;
        }
        return Err(error.into());
    }
    let result = json!({ "account_id": account_id, "public_key": public_key, "key_file": path,
        "methods": calls::MACHINE_METHODS });
    context.output.result(&result, || {
        let place = path.map(|path| format!(", written to {}", path.display())).unwrap_or_default();
        format!("added {public_key} to {account_id}{place}; it can call only {}", calls::MACHINE_METHODS.join(", "))
    })
}

/// An account's node.
pub(crate) async fn find(context: &Context, account_id: &AccountId) -> anyhow::Result<Node> {
    let coordinator = context.coordinator()?;
    let account = coordinator.account(account_id).await?;
    account.and_then(|account| account.node).with_context(|| {
        Problem::new(
            format!("{account_id} is not a node of {}", coordinator.account_id()),
            "run `piecework node register --stake NEAR` with that account's key",
        )
    })
}

/// Shows an account's node.
pub(crate) async fn show(context: &Context, account_id: &AccountId) -> anyhow::Result<()> {
    let node = find(context, account_id).await?;
    context.output.result(&json!({ "account_id": account_id, "node": node }), || {
        let (stake, bonded) = (format_near(node.stake.0), format_near(node.bonded.0));
        let mut lines = vec![
            format!(
                "{account_id}: {}, {} lots settled, {} seats reserved",
                word(node.status),
                node.settled,
                node.reservations
            ),
            format!("stake {stake} NEAR (tickets: {}), {bonded} bonded", node.tickets),
        ];
        if node.unbonding.0 > 0 {
            let (amount, until) = (format_near(node.unbonding.0), date(node.unbonding_until));
            lines.push(format!("unbonding {amount} NEAR until {until}"));
        }
        for class in node.classes.iter().filter(|class| class.declared) {
            let admitted = if class.admitted { "" } else { ", not admitted by its owner" };
            lines.push(format!("class {}: reputation {} of 10000{admitted}", class.class, class.reputation));
        }
        match (node.operator, node.asked) {
            (Some(operator), _) => lines.push(format!("operator: account {operator}")),
            (None, Some(asked)) => lines.push(format!("operator: account {asked}, which has not confirmed it")),
            (None, None) => {}
        }
        lines.join("\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_ticket__should_say_how_much_makes_one() {
        let one_near = 10_u128.pow(24);
        assert_eq!(without_ticket(10 * one_near, 10 * one_near), None);
        let note = without_ticket(7 * one_near, 10 * one_near).unwrap();
        assert!(note.contains("is 7 NEAR then") && note.ends_with("stake 3 more"), "{note}");
    }
}
