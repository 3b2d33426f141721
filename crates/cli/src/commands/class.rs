//! `piecework class`: kinds of work, and who may do those that are gated.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use piecework_chain::{AccountId, Sender};
use piecework_client::{Call, calls};
use piecework_console::{Problem, amount::format_near, table};
use piecework_interface::{
    call::{ClassNodeArgs, ClassRegisterArgs},
    classes::{NAME_MAX, is_name},
    event::Entry,
    host::sha256,
    ids::ClassId,
    view::{Class, ClassRecord},
};
use serde_json::json;

use super::{entries, node, registered};
use crate::{classes, context::Context, files};

/// Commands about classes of work. `admit` and `remove` are for the owner of a gated class.
#[derive(Debug, Subcommand)]
pub enum ClassCommand {
    /// Show the registered classes, with their active nodes and tickets
    List,
    /// Register a class, for the `class_deposit` of the configuration, which is burnt
    Register(RegisterArgs),
    /// Admit a node that declared a gated class
    Admit(NodeArgs),
    /// Remove a node from a gated class: it takes no more work of it, but for later rounds of lots begun before
    Remove(NodeArgs),
}

/// `class register`.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// Name, 1 to 32 bytes
    name: String,
    /// Schema that briefs of such work follow; the contract keeps its SHA-256
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Only nodes that the signing account admits may work in it; this never changes
    #[arg(long)]
    gated: bool,
}

/// `class admit`, `class remove`.
#[derive(Debug, Args)]
pub struct NodeArgs {
    /// Number of the class
    class: u16,
    /// Account of the node
    node: AccountId,
}

/// Runs a command.
///
/// # Errors
/// If it does not succeed.
pub async fn run(context: &Context, command: ClassCommand) -> anyhow::Result<()> {
    match command {
        ClassCommand::List => list(context).await,
        ClassCommand::Register(args) => register(context, args).await,
        ClassCommand::Admit(args) => admit(context, args).await,
        ClassCommand::Remove(args) => remove(context, args).await,
    }
}

async fn list(context: &Context) -> anyhow::Result<()> {
    let classes = classes::all(&context.coordinator()?).await?;
    let row = |class: &Class| {
        let access = if class.gated { "gated" } else { "open" };
        let owner = format!("account {}", class.owner);
        let name = format!("{} {}", class.class, class.name);
        vec![name, access.to_owned(), class.nodes.to_string(), class.tickets.to_string(), owner]
    };
    let rows: Vec<Vec<String>> = classes.iter().map(row).collect();
    context.output.result(&classes, || table(&["class", "access", "nodes", "tickets", "owner"], &rows))
}

async fn register(context: &Context, args: RegisterArgs) -> anyhow::Result<()> {
    let RegisterArgs { name, schema, gated } = args;
    if !is_name(&name) {
        let fix = format!("give one of 1 to {NAME_MAX} bytes without control characters");
        bail!(Problem::new(format!("no class can be called {name:?}"), fix));
    }
    let schema = schema.map(|path| files::read(&path, "check the path of --schema")).transpose()?;
    let schema = schema.map(|bytes| sha256(&bytes)).unwrap_or_default();
    let coordinator = context.coordinator()?;
    let deposit = coordinator.config().await?.class_deposit.0;
    let signer = context.signer().await?;
    registered(&coordinator, signer.account_id()).await?;
    context.output.note(format!("registering the class burns {} NEAR", format_near(deposit)));
    let call = ClassRegisterArgs { name, schema, gated };
    let outcome = context.call(&signer, calls::class_register(&call, deposit)).await?;
    let class = entries(&outcome)?.into_iter().find_map(|entry| match entry {
        Entry::ClassRegistered { class, .. } => Some(class),
        _ => None,
    });
    let class = class.context("the coordinator answered without a class; see `piecework class list`")?;
    let result = json!({
        "class": class, "name": call.name, "schema": hex::encode(schema), "gated": gated,
        "burnt": deposit.to_string(), "tx_hash": outcome.tx_hash.to_string(),
    });
    context.output.result(&result, || match gated {
        true => format!("registered class {class}; admit its nodes with `piecework class admit {class} NODE`"),
        false => format!("registered class {class}; nodes declare it with `piecework node declare {class}`"),
    })
}

async fn admit(context: &Context, args: NodeArgs) -> anyhow::Result<()> {
    let (signer, entry) = gated_node(context, &args).await?;
    let (class, node) = (args.class, &args.node);
    if !entry.as_ref().is_some_and(|entry| entry.declared) {
        bail!(Problem::new(
            format!("{node} has not declared class {class}"),
            "its owner declares it first, beside its other classes: `piecework node declare CLASSES`",
        ));
    }
    if entry.is_some_and(|entry| entry.admitted) {
        bail!(Problem::new(format!("{node} is admitted to class {class} already"), "there is nothing to do"));
    }
    change(context, &signer, &args, calls::class_admit, "admitted").await
}

async fn remove(context: &Context, args: NodeArgs) -> anyhow::Result<()> {
    let (signer, entry) = gated_node(context, &args).await?;
    if !entry.is_some_and(|entry| entry.admitted) {
        let what = format!("{} is not admitted to class {}", args.node, args.class);
        bail!(Problem::new(what, "there is nothing to remove"));
    }
    change(context, &signer, &args, calls::class_remove, "removed").await
}

/// Who signs, if that is the owner of this gated class, and what the node has of it.
async fn gated_node(context: &Context, args: &NodeArgs) -> anyhow::Result<(Sender, Option<ClassRecord>)> {
    let coordinator = context.coordinator()?;
    let classes = classes::all(&coordinator).await?;
    let class = classes::select(&classes, Some(args.class), "CLASS")?;
    if !class.gated {
        bail!(Problem::new(
            format!("class {} is open to every node, for ever", class.class),
            "register a gated one: `piecework class register NAME --gated`",
        ));
    }
    let signer = context.signer().await?;
    if coordinator.account_no(signer.account_id()).await? != Some(class.owner) {
        bail!(Problem::new(
            format!("class {} belongs to account {}, not to {}", class.class, class.owner, signer.account_id()),
            "sign with its owner's key: --key-file FILE",
        ));
    }
    let node = node::find(context, &args.node).await?;
    Ok((signer, node.class(class.class).cloned()))
}

async fn change(
    context: &Context,
    signer: &Sender,
    args: &NodeArgs,
    call: impl FnOnce(&ClassNodeArgs) -> Call,
    done: &str,
) -> anyhow::Result<()> {
    let call = call(&ClassNodeArgs { class: ClassId(args.class), account_id: args.node.to_string() });
    let outcome = context.call(signer, call).await?;
    let node = node::find(context, &args.node).await?;
    let entry = node.class(ClassId(args.class));
    let result = json!({ "account_id": args.node, "class": entry, "tx_hash": outcome.tx_hash.to_string() });
    context.output.result(&result, || format!("{done} {}: class {}", args.node, args.class))
}
