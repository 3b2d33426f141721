//! `piecework operator`: who stands behind several nodes says so, and takes one seat of a lot with all of them.

use anyhow::bail;
use clap::{Args, Subcommand};
use piecework_chain::AccountId;
use piecework_client::calls;
use piecework_console::Problem;
use piecework_interface::call::OperatorConfirmArgs;

use super::node;
use crate::context::Context;

/// Commands of a node's operator. The node names it by `piecework node operator`.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Confirm to be the operator of a node that named the signing account
    Confirm(OperatorArgs),
    /// Be its operator no longer, or refuse to be
    Drop(OperatorArgs),
}

/// `operator confirm`, `operator drop`.
#[derive(Debug, Args)]
pub struct OperatorArgs {
    /// Account of the node
    node: AccountId,
}

/// Runs a command.
///
/// # Errors
/// If it does not succeed.
pub async fn run(context: &Context, command: OperatorCommand) -> anyhow::Result<()> {
    let (OperatorArgs { node: account_id }, accept) = match command {
        OperatorCommand::Confirm(args) => (args, true),
        OperatorCommand::Drop(args) => (args, false),
    };
    let coordinator = context.coordinator()?;
    let node = node::find(context, &account_id).await?;
    let signer = context.signer().await?;
    let own = coordinator.account_no(signer.account_id()).await?;
    if own.is_none() || node.asked != own {
        bail!(Problem::new(
            format!("{account_id} has not named {} as its operator", signer.account_id()),
            format!("its owner runs `piecework node operator {}` first", signer.account_id()),
        ));
    }
    if accept && node.operator == own {
        let what = format!("{} is the operator of {account_id} already", signer.account_id());
        bail!(Problem::new(what, "there is nothing to do"));
    }
    let call = OperatorConfirmArgs { account_id: account_id.to_string(), accept };
    context.call(&signer, calls::operator_confirm(&call)).await?;
    let done = if accept { "is now the operator of" } else { "is no operator of" };
    context.output.note(format!("{} {done} {account_id}", signer.account_id()));
    node::show(context, &account_id).await
}
