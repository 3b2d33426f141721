//! The command line: neard's `init` and `run`, and a few options of our own.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use near_primitives::types::AccountId;

use crate::{
    home::{self, InitOptions},
    localnet::{Config, Localnet, default_contract_cache},
    node::Cadence,
};

/// An embedded single-node NEAR chain that takes the place of the neard sandbox.
#[derive(Parser, Debug)]
#[command(name = "piecework-localnet", version, about)]
pub struct Cli {
    /// Directory of the chain's genesis, configuration and keys.
    #[arg(long, global = true, env = "PIECEWORK_LOCALNET_HOME", default_value = ".piecework-localnet")]
    home: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Write the home directory of a new chain.
    Init(Init),
    /// Run the chain and its RPC until stopped.
    Run(Run),
}

#[derive(Args, Debug)]
struct Init {
    /// Name of the chain (default: a random test-chain name).
    #[arg(long)]
    chain_id: Option<String>,
    /// The root account, which is also the validator.
    #[arg(long, default_value = "test.near")]
    account_id: AccountId,
    /// Seed of the root account's key and of all block randomness (default: random).
    #[arg(long)]
    test_seed: Option<String>,
    /// Accepted for compatibility with neard; blocks are always fast.
    #[arg(long)]
    fast: bool,
    /// Accepted for compatibility with neard; there is always one shard.
    #[arg(long)]
    num_shards: Option<u64>,
}

#[derive(Args, Debug)]
struct Run {
    /// Address of the JSON-RPC, as host:port (default: the one in config.json, else 127.0.0.1:3030).
    #[arg(long)]
    rpc_addr: Option<SocketAddr>,
    /// Accepted for compatibility with neard; there are no peers.
    #[arg(long)]
    network_addr: Option<String>,
    /// Time between blocks, in milliseconds.
    #[arg(long, env = "PIECEWORK_LOCALNET_BLOCK_INTERVAL_MS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    block_interval_ms: u64,
    /// Make a block as soon as there is work instead of at the next interval.
    #[arg(long, env = "PIECEWORK_LOCALNET_INSTANT")]
    instant: bool,
    /// Blocks kept for queries about the past.
    #[arg(long, env = "PIECEWORK_LOCALNET_KEEP_BLOCKS", default_value_t = 100_000)]
    keep_blocks: usize,
    /// Directory of compiled contracts, shared by all chains (default: the user's cache directory).
    #[arg(long, env = "PIECEWORK_LOCALNET_CONTRACT_CACHE")]
    contract_cache: Option<PathBuf>,
}

/// Does what the command line says.
///
/// # Errors
/// With a text that names the file, address or option at fault.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Init(init) => {
            let options =
                InitOptions { chain_id: init.chain_id, account_id: init.account_id, test_seed: init.test_seed };
            home::init(&cli.home, &options).context("init")?;
            tracing::info!(home = %cli.home.display(), "initialised");
            Ok(())
        }
        Command::Run(options) => run_chain(cli.home, options).await,
    }
}

async fn run_chain(home: PathBuf, options: Run) -> anyhow::Result<()> {
    let home = home::load(&home).context("run")?;
    let configured = home.config.rpc.addr.as_deref().and_then(|addr| addr.parse().ok());
    let cadence = Cadence { interval: Duration::from_millis(options.block_interval_ms), instant: options.instant };
    let mut config = Config::from_home(home, cadence);
    if let Some(addr) = options.rpc_addr.or(configured) {
        config.rpc_addr = addr;
    }
    config.keep_blocks = options.keep_blocks;
    config.contract_cache = options.contract_cache.unwrap_or_else(default_contract_cache);
    let localnet = Localnet::start(config).await.context("run")?;
    println!("listening on {}", localnet.rpc_url());
    tokio::select! {
        stopped = stop_signal() => stopped?,
        () = localnet.producer_gone() => {
            anyhow::bail!("the block producer stopped; its last log line says why");
        }
    }
    localnet.stop().await;
    Ok(())
}

async fn stop_signal() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("cannot listen for SIGTERM")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot listen for ctrl-c"),
        _ = terminate.recv() => Ok(()),
    }
}
