//! `piecework up`: a whole local network until Ctrl-C.

use std::{io::ErrorKind, net::TcpListener, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use piecework_console::{Interrupt, Output, Problem, amount::Decimal};
use piecework_stack::{Layout, Like, Pace, Plan, Programs, Stack, describe, guide, local_config};

/// `up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Keep the network's files (keys, logs, database, blobs) in this new directory, to look at them afterwards [default: a
    /// temporary one]. No later `up` goes on from there: each begins a chain of its own
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
    for (option, address) in [("--rpc-listen", &plan.rpc_listen), ("--gateway-listen", &plan.gateway_listen)] {
        check_free(option, address)?;
    }
    let temporary;
    let dir = match &args.keep_data {
        Some(dir) => dir.as_path(),
        None => {
            temporary = tempfile::Builder::new().prefix("piecework-").tempdir()?;
            temporary.path()
        }
    };
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

/// Refuses an address that another program listens on, before anything is started.
fn check_free(option: &str, address: &str) -> anyhow::Result<()> {
    match TcpListener::bind(address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!(Problem::new(
                format!("another program listens on {address}"),
                format!("stop it, or pass {option} with another address; port 0 takes a free one"),
            ))
        }
        Err(error) => Err(error).with_context(|| {
            Problem::new(
                format!("{address} cannot be listened on"),
                format!("pass {option} as HOST:PORT of this machine"),
            )
        }),
        Ok(_) => Ok(()),
    }
}

/// Describes the network, and returns when it is to be stopped.
async fn serve(output: Output, stack: &mut Stack, interrupt: &mut Interrupt) -> anyhow::Result<()> {
    for node in &stack.nodes {
        stack.agent_setup(node, "nearest", Pace::default()).write(&stack.site)?;
    }
    let programs = &stack.site.programs;
    let piecework = programs.piecework.display();
    let mut next = vec![
        format!("{piecework} batch create --from items.jsonl --reward 0.01"),
        format!("{piecework} batch watch 0"),
    ];
    // A batch has three copies by default: with fewer agents it waits.
    for node in &stack.nodes {
        let config = stack.site.layout.agent_config(&node.name);
        // The agent has a key of its own, which the variable would override.
        next.push(format!("env -u PIECEWORK_KEY_FILE {} --config {} run", programs.agent.display(), config.display()));
    }
    output.result(&describe(stack), || guide(stack, &next))?;
    tokio::select! {
        error = stack.watch() => Err(error),
        () = interrupt.wait() => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use piecework_console::fix_of;

    use super::*;

    #[test]
    fn check_free__should_name_the_option_of_a_port_that_is_taken() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let error = check_free("--gateway-listen", &address).unwrap_err();
        assert!(error.to_string().contains(&address), "{error}");
        assert!(fix_of(&error).unwrap().contains("--gateway-listen"));
        check_free("--gateway-listen", "127.0.0.1:0").unwrap();
    }
}
