//! `piecework up`: a whole local network until Ctrl-C.

use std::path::PathBuf;

use clap::Args;
use piecework_interface::config::{Bounds, Config};
use serde_json::json;

use crate::{
    amount::Decimal,
    interrupt::Interrupt,
    output::Output,
    stack::{Layout, Like, Pace, Plan, Programs, Stack, write_agent_config},
};

/// `up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Keep the network's files (keys, logs, database, blobs) in this directory [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    keep_data: Option<PathBuf>,
    /// Nodes to create, register and stake
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// NEAR that each node stakes
    #[arg(long, default_value = "15", value_name = "NEAR")]
    stake: Decimal,
    /// Reward tokens minted to the requester
    #[arg(long, default_value_t = 1_000_000)]
    mint: u128,
    /// Address of the chain's RPC; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:3030", value_name = "ADDR")]
    rpc_listen: String,
    /// Address of the gateway; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    gateway_listen: String,
    /// Postgres to mirror into, instead of a private one
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Let the chain behave like a public network
    #[arg(long, value_name = "NETWORK")]
    like: Option<Like>,
}

/// Runs the command.
///
/// # Errors
/// If something does not start, or ends unexpectedly.
pub async fn run(output: Output, args: UpArgs) -> anyhow::Result<()> {
    let plan = Plan {
        config: local_config(),
        nodes: args.nodes,
        stake: args.stake.to_yoctonear()?,
        mint: args.mint,
        database_url: args.database_url,
        rpc_listen: args.rpc_listen,
        gateway_listen: args.gateway_listen,
        like: args.like,
    };
    let temporary = match &args.keep_data {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("piecework-").tempdir()?),
    };
    let dir = args
        .keep_data
        .as_deref()
        .or(temporary.as_ref().map(tempfile::TempDir::path))
        .unwrap_or(std::path::Path::new("."));
    let layout = Layout::create(dir)?;
    let programs = Programs::find()?;
    let mut interrupt = Interrupt::catch()?;
    let mut stack = Stack::start(layout, programs, &plan, output, &mut interrupt).await?;
    let ended = serve(output, &mut stack, &mut interrupt).await;
    output.note("stopping");
    stack.stop().await;
    output.note("everything is stopped");
    ended
}

/// Describes the network, and returns when it is to be stopped.
async fn serve(output: Output, stack: &mut Stack, interrupt: &mut Interrupt) -> anyhow::Result<()> {
    for node in &stack.nodes {
        write_agent_config(stack, node, "nearest", Pace::default())?;
    }
    let piecework = program();
    let mut next = vec![
        format!("{piecework} batch create --from items.jsonl --reward 0.01"),
        format!("{piecework} batch watch 0"),
    ];
    if let Some(node) = stack.nodes.first() {
        let config = stack.layout.nodes().join(format!("{}.toml", node.name));
        // The agent has a key of its own, which the variable would override.
        next.push(format!(
            "env -u PIECEWORK_KEY_FILE {} --config {} run",
            stack.programs().agent.display(),
            config.display()
        ));
    }
    output.result(&describe(stack), || guide(stack, &next))?;
    tokio::select! {
        error = stack.watch() => Err(error),
        () = interrupt.wait() => Ok(()),
    }
}

/// The defaults, with times short enough for trying things out and juries that anybody may sit on.
pub(crate) fn local_config() -> Config {
    let defaults = Config::default();
    let bounds = Bounds {
        claim_ttl_s: (5, defaults.bounds.claim_ttl_s.1),
        reveal_window_s: (3, defaults.bounds.reveal_window_s.1),
        challenge_window_s: (3, defaults.bounds.challenge_window_s.1),
        slice_s: (1, defaults.bounds.slice_s.1),
        verdict_ttl_s: (3, defaults.bounds.verdict_ttl_s.1),
        ..defaults.bounds
    };
    let times =
        Config { unbonding_s: 60, notice_s: 10, epoch_s: 600, grace_s: 1, reputation_interval_s: 1, ..defaults };
    // Nobody is old and trusted on a network that was made just now, and a jury without jurors changes nothing.
    Config { juror_age_s: 0, juror_reputation: 0, bounds, ..times }
}

/// How this program is called here.
pub(crate) fn program() -> String {
    std::env::current_exe().map_or_else(|_| "piecework".to_owned(), |path| path.display().to_string())
}

pub(crate) fn describe(stack: &Stack) -> serde_json::Value {
    let nodes: Vec<_> = stack
        .nodes
        .iter()
        .map(|node| json!({ "account_id": node.owner.account_id, "key_file": node.owner.key_file, "machine_key_file": node.machine_key_file }))
        .collect();
    json!({
        "dir": stack.layout.dir(),
        "chain": stack.chain,
        "network": stack.layout.network(),
        "rpc_url": stack.network.rpc_urls[0],
        "gateway_url": stack.gateway_url(),
        "contract": stack.deployment.contract,
        "token": stack.deployment.token,
        "requester": { "account_id": stack.requester.account_id, "key_file": stack.requester.key_file },
        "nodes": nodes,
    })
}

/// URLs, accounts and the commands to try next.
pub(crate) fn guide(stack: &Stack, next: &[String]) -> String {
    let network = stack.layout.network();
    let keys = stack.layout.keys();
    let mut lines = vec![
        format!("page and API  {}", stack.gateway_url()),
        format!("chain RPC     {}", stack.network.rpc_urls[0]),
        format!("coordinator   {}", stack.deployment.contract),
        format!("reward token  {} ({} decimals)", stack.deployment.token, crate::stack::LOCAL_TOKEN_DECIMALS),
        format!("requester     {}", stack.requester.account_id),
    ];
    for node in &stack.nodes {
        lines.push(format!("node          {}", node.owner.account_id));
    }
    lines.extend([
        format!("keys          {}", keys.display()),
        format!("logs          {}", stack.layout.logs().display()),
        String::new(),
        "next, in another terminal:".to_owned(),
        format!("  export PIECEWORK_NETWORK={}", network.display()),
        format!("  export PIECEWORK_KEY_FILE={}", stack.requester.key_file.display()),
    ]);
    lines.extend(next.iter().map(|command| format!("  {command}")));
    lines.push("Ctrl-C stops everything.".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(non_snake_case)]
    use super::*;

    #[test]
    fn local_config__should_only_lower_times() {
        let (local, defaults) = (local_config(), Config::default());
        assert_eq!((local.min_stake, local.fee_bps), (defaults.min_stake, defaults.fee_bps));
        assert_eq!(local.bounds.dissent_slash_pct_max, defaults.bounds.dissent_slash_pct_max);
    }
}
