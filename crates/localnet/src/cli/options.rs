//! Options of a running chain. Those that neard does not have are environment variables as well, so that they can be
//! set under near-workspaces.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;

use crate::{
    faults::Faults,
    localnet::{Config, MIN_KEEP_BLOCKS},
    node::{Cadence, Mode},
};

/// Options of a running chain.
#[derive(Args, Debug)]
pub struct ChainOptions {
    /// Address of the RPC and the explorer, as host:port; port 0 is any free one (default: the one in config.json,
    /// else 127.0.0.1:3030).
    #[arg(long)]
    rpc_addr: Option<SocketAddr>,
    /// Time between blocks, in milliseconds.
    #[arg(long, env = "PIECEWORK_LOCALNET_BLOCK_INTERVAL_MS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    block_interval_ms: u64,
    /// Make a block only when there is work, at the interval's pace, and two more that make it final.
    #[arg(long, env = "PIECEWORK_LOCALNET_ON_DEMAND", conflicts_with = "instant")]
    on_demand: bool,
    /// Make a block as soon as there is work, and at once two more that make it final; for tests.
    #[arg(long, env = "PIECEWORK_LOCALNET_INSTANT")]
    instant: bool,
    /// How often the height before a block is left out, from 0 to 1, as when producers miss their turns.
    #[arg(long, env = "PIECEWORK_LOCALNET_SKIP_RATE", default_value_t = 0.0, value_parser = rate)]
    skip_rate: f64,
    /// Makes the left-out heights reproducible.
    #[arg(long, env = "PIECEWORK_LOCALNET_SKIP_SEED", default_value_t = 0)]
    skip_seed: u64,
    /// Blocks that can be asked for, at least 100 (default: five epochs, as a neard that is no archive).
    #[arg(long, env = "PIECEWORK_LOCALNET_KEEP_BLOCKS", value_parser = clap::value_parser!(u64).range(MIN_KEEP_BLOCKS..))]
    keep_blocks: Option<u64>,
    /// Faults for testing clients, as name=rate,… with rates from 0 to 1: timeout, http_408, http_422, http_429,
    /// http_500, drop, stale; besides latency_ms=20..80, stale_blocks=5 and seed=1.
    #[arg(long, env = "PIECEWORK_LOCALNET_FAULTS")]
    faults: Option<Faults>,
    /// Directory of compiled contracts, shared by all chains (default: the user's cache directory).
    #[arg(long, env = "PIECEWORK_LOCALNET_CONTRACT_CACHE")]
    contract_cache: Option<PathBuf>,
}

impl ChainOptions {
    /// When blocks are made.
    pub fn cadence(&self) -> Cadence {
        let mode = match (self.instant, self.on_demand) {
            (true, _) => Mode::Instant,
            (false, true) => Mode::OnDemand,
            (false, false) => Mode::Interval,
        };
        let interval = Duration::from_millis(self.block_interval_ms);
        Cadence { mode, interval, skip_rate: self.skip_rate, skip_seed: self.skip_seed }
    }

    /// Sets the rest.
    pub fn apply(self, config: &mut Config) {
        config.keep_blocks = self.keep_blocks;
        config.faults = self.faults.unwrap_or_default();
        config.rpc_addr = self.rpc_addr.unwrap_or(config.rpc_addr);
        if let Some(contract_cache) = self.contract_cache {
            config.contract_cache = contract_cache;
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&rate) { Ok(rate) } else { Err("must be from 0 to 1".to_owned()) }
}
