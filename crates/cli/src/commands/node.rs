//! `piecework node`: registration, stake, and the keys of an operator's machines.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use piecework_chain::{AccountId, PublicKey, TxRequest, requests};
use piecework_client::{Call, calls};
use piecework_console::{
    Problem,
    amount::{Decimal, format_near},
};
use piecework_interface::{ids::ClassId, storage, view::Node};
use serde_json::json;

use super::{date, near_amount};
use crate::{
    context::{Context, execute},
    credentials, tokens,
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
    /// Show what the epoch before pays the node, or collect it
    Revenue(RevenueArgs),
    /// Give a machine its own key, which can work, end epochs and collect the node's revenue, and nothing else
    AddKey(AddKeyArgs),
}

/// `node register`.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// NEAR to stake
    #[arg(long, value_name = "NEAR", allow_negative_numbers = true)]
    stake: Decimal,
    /// Classes of work, 1 to 8
    #[arg(long, value_delimiter = ',', default_value = "1", value_name = "CLASSES")]
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

/// `node revenue`.
#[derive(Debug, Args)]
pub struct RevenueArgs {
    /// Node [default: the signing account]
    account_id: Option<AccountId>,
    /// Credit it to the signing account's balances
    #[arg(long, conflicts_with = "account_id")]
    collect: bool,
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
    /// Do not let it collect the node's revenue: do that by `piecework node revenue --collect`
    #[arg(long)]
    no_revenue: bool,
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
            act(context, calls::stake_add(yoctonear), "added to the stake").await
        }
        NodeCommand::Unstake(args) => {
            let amount = args.amount.as_ref().map(|amount| near_amount("the amount", amount)).transpose()?;
            act(context, calls::stake_remove(amount), "started to unbond").await
        }
        NodeCommand::ClaimStake => act(context, calls::stake_claim(), "credited the unbonded stake").await,
        NodeCommand::Status(args) => show(context, &args.account_id.map_or_else(|| context.account_id(), Ok)?).await,
        NodeCommand::Pause => act(context, calls::node_pause(), "paused").await,
        NodeCommand::Resume => act(context, calls::node_resume(), "resumed").await,
        NodeCommand::Revenue(args) => revenue(context, args).await,
        NodeCommand::AddKey(args) => add_key(context, args).await,
    }
}

async fn register(context: &Context, args: RegisterArgs) -> anyhow::Result<()> {
    let stake = near_amount("--stake", &args.stake)?;
    let coordinator = context.coordinator()?;
    let mut classes = args.classes.clone();
    classes.sort_unstable();
    classes.dedup();
    if classes.is_empty() || classes.len() > storage::CLASSES_MAX {
        bail!(Problem::new(
            format!("--classes names {} classes", classes.len()),
            format!("name 1 to {} different ones", storage::CLASSES_MAX),
        ));
    }
    let min_stake = coordinator.config().await?.min_stake.0;
    let signer = context.signer().await?;
    let account = coordinator.account(signer.account_id()).await?;
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
    let request = request.call(calls::node_register(classes.into_iter().map(ClassId).collect(), stake));
    execute(&signer, request).await?;
    show(context, signer.account_id()).await
}

async fn act(context: &Context, call: Call, done: &str) -> anyhow::Result<()> {
    let signer = context.signer().await?;
    node(context, signer.account_id()).await?;
    context.call(&signer, call).await?;
    context.output.note(format!("{}: {done}", signer.account_id()));
    show(context, signer.account_id()).await
}

async fn revenue(context: &Context, args: RevenueArgs) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let account_id = args.account_id.map_or_else(|| context.account_id(), Ok)?;
    let revenue = coordinator.revenue().await?;
    let tickets = node(context, &account_id).await?.take_tickets(revenue.epoch);
    let listed = coordinator.tokens().await?;
    let (mut amounts, mut texts) = (Vec::new(), Vec::new());
    for share in &revenue.shares {
        let amount = share.per_ticket.0.saturating_mul(u128::from(tickets));
        let Some(token) = listed.iter().find(|token| token.token == share.token && amount > 0) else { continue };
        texts.push(tokens::info(&context.rpc, token.clone()).await?.show(amount));
        amounts.push(json!({ "token": share.token, "amount": amount.to_string() }));
    }
    if args.collect {
        if tickets == 0 {
            let what = format!("{account_id} settled no lot in the epoch before, or has collected it");
            bail!(Problem::new(what, "see when the running one ends: `piecework epoch show`"));
        }
        let signer = context.signer().await?;
        context.call(&signer, calls::revenue_collect()).await?;
    }
    let result = json!({ "account_id": account_id, "tickets": tickets, "amounts": amounts, "collected": args.collect });
    context.output.result(&result, || {
        let amounts = if texts.is_empty() { "nothing".to_owned() } else { texts.join(" and ") };
        match args.collect {
            true => format!("{account_id} collected {amounts} for {tickets} tickets"),
            false => format!("{account_id} has {amounts} to collect for {tickets} tickets"),
        }
    })
}

async fn add_key(context: &Context, args: AddKeyArgs) -> anyhow::Result<()> {
    let contract = context.coordinator()?.account_id().clone();
    let signer = context.signer().await?;
    let account_id = signer.account_id().clone();
    if !args.no_revenue {
        node(context, &account_id).await?;
    }
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
    if !args.no_revenue {
        let signs = public_key.to_string().parse().map_err(|_| {
            Problem::new(
                format!("{public_key} works, but signs no intents, so it cannot collect revenue"),
                "pass --no-revenue, or an ed25519 key",
            )
        })?;
        let without = || {
            Problem::new(
                format!("{public_key} works, but may not collect revenue"),
                format!("run `piecework intent key-add {public_key} --kinds collect-revenue`, or leave it so"),
            )
        };
        context.call(&signer, calls::revenue_key_add(signs)).await.with_context(without)?;
    }
    let result = json!({ "account_id": account_id, "public_key": public_key, "key_file": path,
        "methods": calls::MACHINE_METHODS, "collects_revenue": !args.no_revenue });
    context.output.result(&result, || {
        let place = path.map(|path| format!(", written to {}", path.display())).unwrap_or_default();
        format!("added {public_key} to {account_id}{place}; it can call only {}", calls::MACHINE_METHODS.join(", "))
    })
}

async fn node(context: &Context, account_id: &AccountId) -> anyhow::Result<Node> {
    let coordinator = context.coordinator()?;
    let account = coordinator.account(account_id).await?;
    account.and_then(|account| account.node).with_context(|| {
        Problem::new(
            format!("{account_id} is not a node of {}", coordinator.account_id()),
            "run `piecework node register --stake NEAR` with that account's key",
        )
    })
}

async fn show(context: &Context, account_id: &AccountId) -> anyhow::Result<()> {
    let node = node(context, account_id).await?;
    context.output.result(&json!({ "account_id": account_id, "node": node }), || {
        let (stake, bonded) = (format_near(node.stake.0), format_near(node.bonded.0));
        let mut lines = vec![
            format!(
                "{account_id}: {:?}, {} lots settled, {} slots held, {} faults",
                node.status, node.settled, node.slots, node.faults
            ),
            format!("stake {stake} NEAR (tickets: {}), {bonded} bonded", node.tickets),
        ];
        if node.unbonding.0 > 0 {
            let (amount, until) = (format_near(node.unbonding.0), date(node.unbonding_until));
            lines.push(format!("unbonding {amount} NEAR until {until}"));
        }
        for class in node.classes.iter().filter(|class| class.declared) {
            lines.push(format!("class {}: reputation {} of 10000", class.class, class.reputation));
        }
        lines.join("\n")
    })
}
