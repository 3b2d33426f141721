//! `piecework epoch`: when nodes and the treasury get the fees.

use anyhow::bail;
use clap::Subcommand;
use piecework_client::calls;
use piecework_console::Problem;
use piecework_interface::revenue::Revenue;
use serde_json::json;

use super::time;
use crate::{context::Context, tokens};

/// Commands about epochs, for anybody.
#[derive(Debug, Subcommand)]
pub enum EpochCommand {
    /// Show the running epoch, and what the one before pays per ticket
    Show,
    /// End the epoch once it has lasted long enough; nodes may collect then
    Settle,
}

/// Runs a command.
///
/// # Errors
/// If it does not succeed.
pub async fn run(context: &Context, command: EpochCommand) -> anyhow::Result<()> {
    match command {
        EpochCommand::Show => show(context).await,
        EpochCommand::Settle => settle(context).await,
    }
}

async fn show(context: &Context) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let revenue = coordinator.revenue().await?;
    let left = left_s(context, &revenue).await?;
    let mut lines = vec![format!(
        "epoch {}: {} tickets worked in it; {}",
        revenue.epoch,
        revenue.tickets,
        match left {
            0 => "it may end: `piecework epoch settle`".to_owned(),
            left => format!("it may end in {}", time(left)),
        }
    )];
    let listed = coordinator.tokens().await?;
    for share in &revenue.shares {
        let Some(token) = listed.iter().find(|token| token.token == share.token) else { continue };
        let token = tokens::info(&context.rpc, token.clone()).await?;
        let (each, left) = (token.show(share.per_ticket.0), token.show(share.left.0));
        lines.push(format!("the one before pays {each} per ticket; {left} not collected yet"));
    }
    context.output.result(&json!({ "revenue": revenue, "ends_in_s": left }), || lines.join("\n"))
}

async fn settle(context: &Context) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let revenue = coordinator.revenue().await?;
    let left = left_s(context, &revenue).await?;
    if left > 0 {
        bail!(Problem::new(format!("epoch {} runs for another {}", revenue.epoch, time(left)), "end it then"));
    }
    let signer = context.signer().await?;
    context.call(&signer, calls::epoch_settle()).await?;
    context.output.note(format!("ended epoch {}", revenue.epoch));
    show(context).await
}

/// Seconds until the epoch may end, by the chain's clock.
async fn left_s(context: &Context, revenue: &Revenue) -> anyhow::Result<u32> {
    let config = context.coordinator()?.config().await?;
    Ok(revenue.ends_at(config.epoch_s).saturating_sub(context.now_s().await?))
}
