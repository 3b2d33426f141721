//! Options of a running chain. Those that neard does not have are environment variables as well, so that they can be
//! set under near-workspaces. Each replaces one value of the profile.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use near_primitives::types::{BlockHeight, BlockHeightDelta};

use crate::{
    chain::MOST_BEHIND,
    faults::FaultsChange,
    localnet::{Config, MIN_KEEP_BLOCKS},
    node::Mode,
    profile::{GenesisChange, Profile, Settings},
    rate_limit::RateLimit,
};

/// Options of a running chain.
#[derive(Args, Debug)]
pub struct ChainOptions {
    /// Address of the RPC and the explorer, as host:port; port 0 is any free one (default: the one in config.json,
    /// else 127.0.0.1:3030).
    #[arg(long)]
    rpc_addr: Option<SocketAddr>,
    #[command(flatten)]
    pub genesis: GenesisOptions,
    /// Time between blocks, in milliseconds (default 100; mainnet 600).
    #[arg(long, env = "PIECEWORK_LOCALNET_BLOCK_INTERVAL_MS", value_parser = clap::value_parser!(u64).range(1..))]
    block_interval_ms: Option<u64>,
    /// Make a block only when there is work, at the interval's pace, and two more that make it final.
    #[arg(long, env = "PIECEWORK_LOCALNET_ON_DEMAND", conflicts_with = "instant")]
    on_demand: bool,
    /// Make a block as soon as there is work, and at once two more that make it final; for tests.
    #[arg(long, env = "PIECEWORK_LOCALNET_INSTANT")]
    instant: bool,
    /// How often heights before a block are left out, from 0 to 1, as when producers miss their turns (default 0; mainnet
    /// 0.015).
    #[arg(long, env = "PIECEWORK_LOCALNET_SKIP_RATE", value_parser = rate)]
    skip_rate: Option<f64>,
    /// Most heights left out at a time (default 1; mainnet 3).
    #[arg(long, env = "PIECEWORK_LOCALNET_SKIP_RUN", value_parser = clap::value_parser!(u64).range(1..))]
    skip_run: Option<u64>,
    /// Makes the left-out heights reproducible, and the lag of the second endpoint (default 0).
    #[arg(long, env = "PIECEWORK_LOCALNET_SKIP_SEED")]
    skip_seed: Option<u64>,
    /// Blocks that can be asked for, at least 100 (default: five epochs, as a neard that is no archive; mainnet 3,000).
    #[arg(long, env = "PIECEWORK_LOCALNET_KEEP_BLOCKS", value_parser = clap::value_parser!(u64).range(MIN_KEEP_BLOCKS..))]
    keep_blocks: Option<u64>,
    /// Requests per second of one client address, above which HTTP 429 comes; 0 for no limit (default 0; mainnet 100).
    #[arg(long, env = "PIECEWORK_LOCALNET_RATE_LIMIT")]
    rate_limit: Option<u32>,
    /// Requests that a client may send at once after a pause (default: twice the rate limit).
    #[arg(long, env = "PIECEWORK_LOCALNET_RATE_BURST", value_parser = clap::value_parser!(u32).range(1..))]
    rate_burst: Option<u32>,
    /// Answer every other request, at random, from a second endpoint that is up to this many blocks behind (default 0: no
    /// such endpoint; mainnet 5).
    #[arg(long, env = "PIECEWORK_LOCALNET_LAG_BLOCKS", value_parser = clap::value_parser!(u64).range(..=MOST_BEHIND))]
    lag_blocks: Option<u64>,
    /// Faults for testing clients, as name=rate,… with rates from 0 to 1: timeout, http_408, http_422, http_429,
    /// http_500, drop, stale; besides latency_ms=20..80, stale_blocks=5 and seed=1.
    #[arg(long, env = "PIECEWORK_LOCALNET_FAULTS")]
    faults: Option<FaultsChange>,
    /// Directory of compiled contracts, shared by all chains (default: the user's cache directory).
    #[arg(long, env = "PIECEWORK_LOCALNET_CONTRACT_CACHE")]
    contract_cache: Option<PathBuf>,
}

/// What is settled when the chain begins, at `init` or the first `run`.
#[derive(Args, Clone, Copy, Debug)]
pub struct GenesisOptions {
    /// Behave as another network does; every other option replaces one value of this.
    #[arg(long, env = "PIECEWORK_LOCALNET_LIKE", value_enum)]
    pub like: Option<Profile>,
    /// Height of the first block of a new chain (default 0; mainnet 100,000,000).
    #[arg(long, env = "PIECEWORK_LOCALNET_GENESIS_HEIGHT")]
    genesis_height: Option<BlockHeight>,
    /// Blocks for which a transaction is valid, on a new chain (default 100, as in neard's sandbox; mainnet 86,400).
    #[arg(long, env = "PIECEWORK_LOCALNET_VALIDITY")]
    validity: Option<BlockHeightDelta>,
}

impl GenesisOptions {
    /// What the profile and the options say of the genesis.
    pub fn change(self) -> GenesisChange {
        self.profile().genesis.and(self.given())
    }

    /// What the options alone say.
    pub fn given(self) -> GenesisChange {
        GenesisChange { height: self.genesis_height, validity: self.validity }
    }

    /// The profile's values, or those of no profile.
    pub fn profile(self) -> Settings {
        self.like.map_or_else(Settings::default, Profile::settings)
    }
}

impl ChainOptions {
    /// The profile's values, each replaced by that of its option.
    ///
    /// # Errors
    /// If faults do not fit together.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = self.genesis.profile();
        settings.genesis = self.genesis.change();
        let cadence = &mut settings.cadence;
        match (self.instant, self.on_demand) {
            (true, _) => cadence.mode = Mode::Instant,
            (false, true) => cadence.mode = Mode::OnDemand,
            (false, false) => {}
        }
        cadence.interval = self.block_interval_ms.map_or(cadence.interval, Duration::from_millis);
        cadence.skip_rate = self.skip_rate.unwrap_or(cadence.skip_rate);
        cadence.skip_run = self.skip_run.unwrap_or(cadence.skip_run);
        cadence.skip_seed = self.skip_seed.unwrap_or(cadence.skip_seed);
        settings.keep_blocks = self.keep_blocks.or(settings.keep_blocks);
        settings.lag_blocks = self.lag_blocks.unwrap_or(settings.lag_blocks);
        if let Some(per_second) = self.rate_limit {
            settings.rate_limit = (per_second > 0).then(|| RateLimit::per_second(per_second));
        }
        if let (Some(limit), Some(burst)) = (&mut settings.rate_limit, self.rate_burst) {
            limit.burst = burst;
        }
        if let Some(change) = &self.faults {
            settings.faults = settings.faults.changed(change)?;
        }
        Ok(settings)
    }

    /// Sets what no profile decides.
    pub fn apply(self, config: &mut Config) {
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
