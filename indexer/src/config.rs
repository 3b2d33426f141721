//! Everything that can be set, in one place.

use std::{net::SocketAddr, time::Duration};

use anyhow::bail;
use clap::{Args, Parser, Subcommand};
use piecework_chain::{AccountId, BlockSourceConfig, Network, RpcClient, RpcConfig};
use piecework_daemon::LogFormat;

/// Piecework's indexer: mirrors the coordinator contract into Postgres.
///
/// The database is named by the environment variable DATABASE_URL (postgres://user:password@host:port/database).
#[derive(Clone, Debug, Parser)]
#[command(name = "piecework-indexer", version)]
pub struct Config {
    /// What to do; `run` if left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Which chain and contract.
    #[command(flatten)]
    pub chain: ChainConfig,
    /// How to run.
    #[command(flatten)]
    pub run: RunConfig,
    /// Form of the log lines on stderr; RUST_LOG chooses which are written.
    #[arg(long, global = true, env = "PIECEWORK_INDEXER_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Follow the chain until SIGTERM or SIGINT.
    Run,
    /// Compare every mirrored row with the contract's views at one block; exit 1 if anything differs.
    Reconcile,
    /// Replay the stored journal into empty tables and compare them with the live ones; exit 1 if anything differs.
    Rebuild,
    /// Print where the mirror stands.
    Status,
}

/// Which chain and contract.
#[derive(Clone, Debug, Args)]
pub struct ChainConfig {
    /// Network whose endpoints and contract are the defaults: localnet, testnet, mainnet, or a TOML file.
    #[arg(long, global = true, env = "PIECEWORK_NETWORK", default_value = "localnet")]
    pub network: String,
    /// JSON-RPC endpoints, separated by commas; the first that answers is used.
    #[arg(long, global = true, env = "PIECEWORK_RPC_URL", value_delimiter = ',')]
    pub rpc_url: Vec<String>,
    /// Account id of the coordinator contract.
    #[arg(long, global = true, env = "PIECEWORK_CONTRACT")]
    pub contract: Option<AccountId>,
}

/// How to run.
#[derive(Clone, Debug, Args)]
pub struct RunConfig {
    /// Address of the health endpoints; port 0 takes a free one, which is printed.
    #[arg(long, global = true, env = "PIECEWORK_INDEXER_LISTEN", default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// Height at which an empty mirror begins: that of the contract's deployment, or less. Without it the deployment is
    /// looked for, in the states that the endpoints keep.
    #[arg(long, global = true, env = "PIECEWORK_INDEXER_START_HEIGHT")]
    pub start_height: Option<u64>,
    /// Milliseconds between questions for a new block at the tip.
    #[arg(long, global = true, env = "PIECEWORK_INDEXER_POLL_INTERVAL_MS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub poll_interval_ms: u64,
    /// Seconds without a block, although the chain goes on, after which the source is started anew.
    #[arg(long, global = true, env = "PIECEWORK_INDEXER_STALL_AFTER_S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub stall_after_s: u64,
    /// Blocks the mirror may be behind the chain and still be ready.
    #[arg(long, global = true, env = "PIECEWORK_INDEXER_LAG_MAX_BLOCKS", default_value_t = 50)]
    pub lag_max_blocks: u64,
    /// Seconds between reconciliations while running; 0 for none.
    #[arg(long, global = true, env = "PIECEWORK_INDEXER_RECONCILE_EVERY_S", default_value_t = 300)]
    pub reconcile_every_s: u64,
    /// Seconds after which the server cancels a statement.
    #[arg(long, global = true, env = "PIECEWORK_INDEXER_STATEMENT_TIMEOUT_S", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    pub statement_timeout_s: u64,
}

/// The chain, as the configuration names it.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The endpoints.
    pub rpc: RpcClient,
    /// The contract.
    pub contract: AccountId,
}

impl ChainConfig {
    /// Resolves network, endpoints and contract.
    ///
    /// # Errors
    /// The network is unknown, an endpoint is no URL, or no contract is named.
    pub fn open(&self) -> anyhow::Result<Chain> {
        let network = Network::load(&self.network)?;
        let rpc = if self.rpc_url.is_empty() { network.rpc_config() } else { RpcConfig::new(&self.rpc_url) };
        let Some(contract) = self.contract.clone().or(network.contract) else {
            bail!("no contract is named: set PIECEWORK_CONTRACT or --contract to the coordinator's account id");
        };
        Ok(Chain { rpc: RpcClient::new(rpc)?, contract })
    }
}

impl RunConfig {
    /// How blocks are fetched.
    #[must_use]
    pub fn source(&self, contract: &AccountId) -> BlockSourceConfig {
        let poll_interval = Duration::from_millis(self.poll_interval_ms);
        BlockSourceConfig { poll_interval, ..BlockSourceConfig::new(contract.clone(), self.start_height) }
    }

    /// When the server cancels a statement.
    #[must_use]
    pub const fn statement_timeout(&self) -> Duration {
        Duration::from_secs(self.statement_timeout_s)
    }
}
