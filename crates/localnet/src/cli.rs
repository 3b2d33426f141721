//! The command line: without a command a chain with funded accounts; neard's `init` and `run`.

mod banner;
mod options;
mod start;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind, parser::ValueSource};
use near_primitives::types::AccountId;

use crate::{
    home::{self, Home, InitOptions},
    localnet::{Config, Localnet},
    node::Cadence,
    profile::{GenesisChange, Settings},
};
use options::{ChainOptions, GenesisOptions};

/// Where `init` and `run` look if nothing is said.
const DEFAULT_HOME: &str = ".piecework-localnet";

/// A NEAR chain in one process, for development and tests.
///
/// Without a command it starts a chain with funded accounts, and prints their keys, the RPC's URL and the explorer's.
/// `init` and `run` are those of the neard sandbox, whose place it takes under near-workspaces
/// (NEAR_SANDBOX_BIN_PATH).
#[derive(Parser, Debug)]
#[command(name = "piecework-localnet", version)]
pub struct Cli {
    /// Directory of the chain. Without a command and this, the chain is gone when it stops.
    #[arg(long, global = true, env = "PIECEWORK_LOCALNET_HOME")]
    home: Option<PathBuf>,
    #[command(flatten)]
    start: start::Start,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// Reads the program's arguments; ends it with a text if they are wrong.
    pub fn from_arguments() -> Self {
        let mut command = Self::command();
        let matches = command.get_matches_mut();
        if let Some(name) = matches.subcommand_name() {
            let given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
            let misplaced =
                command.get_arguments().map(clap::Arg::get_id).find(|id| *id != "home" && given(id.as_str()));
            if let Some(id) = misplaced {
                let message = format!("--{} goes after `{name}`, if that takes it", id.as_str().replace('_', "-"));
                command.error(ErrorKind::ArgumentConflict, message).exit();
            }
        }
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Write the home directory of a new chain, as neard does.
    Init(Init),
    /// Run the chain in the home directory and its RPC until stopped, as neard does.
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
    /// Make epochs of 60 blocks instead of 500. What is five epochs old is no longer kept.
    #[arg(long)]
    fast: bool,
    /// Accepted for compatibility with neard; there is always one shard.
    #[arg(long)]
    num_shards: Option<u64>,
    #[command(flatten)]
    genesis: GenesisOptions,
}

#[derive(Args, Debug)]
struct Run {
    /// Accepted for compatibility with neard; there are no peers.
    #[arg(long)]
    network_addr: Option<String>,
    #[command(flatten)]
    options: ChainOptions,
}

/// Does what the command line says, on a runtime of its own: what an async function does is compiled where it is run.
///
/// # Errors
/// With a text that names the file, address or option at fault.
///
/// # Panics
/// The system gives no threads.
#[tokio::main]
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let home = || cli.home.clone().unwrap_or_else(|| DEFAULT_HOME.into());
    match cli.command {
        Some(Command::Init(init)) => {
            let Init { chain_id, account_id, test_seed, fast, genesis, .. } = init;
            let dir = home();
            let options =
                InitOptions { chain_id, account_id, test_seed, fast, accounts: None, genesis: genesis.change() };
            home::init(&dir, &options).context("init")?;
            tracing::info!(home = %dir.display(), "initialised");
            Ok(())
        }
        Some(Command::Run(run)) => {
            let mut home = home::load(&home()).context("run")?;
            let configured = home.config.rpc.addr.as_deref().and_then(|addr| addr.parse().ok());
            let settings = begin(&mut home, &run.options).context("run")?;
            let mut config = Config::from_home(home, Cadence::default()).with(settings);
            config.rpc_addr = configured.unwrap_or(config.rpc_addr);
            run.options.apply(&mut config);
            let localnet = Localnet::start(config).await.context("run")?;
            println!("listening on {}", localnet.rpc_url());
            until_stopped(localnet).await
        }
        None => start::start(cli.home, cli.start).await,
    }
}

/// The settings of a chain. What they say of the genesis is written to it if the chain has not begun, and left out if it
/// has.
fn begin(home: &mut Home, options: &ChainOptions) -> anyhow::Result<Settings> {
    let settings = options.settings()?;
    if home.has_begun() {
        return Ok(Settings { genesis: GenesisChange::default(), ..settings });
    }
    // What `init` was asked for stays, unless it is asked for otherwise now.
    let genesis = home.where_plain(settings.genesis).and(options.genesis.given());
    home.change_genesis(genesis)?;
    Ok(Settings { genesis, ..settings })
}

async fn until_stopped(localnet: Localnet) -> anyhow::Result<()> {
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
