//! Profiles: sets of defaults under which a chain behaves as another network does.

use std::time::Duration;

use clap::ValueEnum;
use near_chain_configs::GenesisConfig;
use near_primitives::types::{BlockHeight, BlockHeightDelta};

use crate::{faults::Faults, node::Cadence, rate_limit::RateLimit};

/// A network whose behaviour a chain can take on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// NEAR's main network behind a public RPC provider.
    Mainnet,
}

/// Everything a profile decides. Options given beside it replace single values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// When blocks are made, and which heights are left out.
    pub cadence: Cadence,
    /// Blocks kept for queries about the past; without, as many as the chain keeps of itself.
    pub keep_blocks: Option<u64>,
    /// What goes wrong on purpose; the latency of answers as well.
    pub faults: Faults,
    /// Requests of one client address.
    pub rate_limit: Option<RateLimit>,
    /// How many blocks a second endpoint is behind at most; 0 for none.
    pub lag_blocks: u64,
    /// What is settled once, when the chain begins.
    pub genesis: GenesisChange,
}

/// What differs from the genesis of a new chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenesisChange {
    /// Height of the first block.
    pub height: Option<BlockHeight>,
    /// Blocks after which a transaction that names an older one is refused.
    pub validity: Option<BlockHeightDelta>,
}

impl Profile {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
        }
    }

    /// Its values.
    pub fn settings(self) -> Settings {
        match self {
            Self::Mainnet => Settings {
                cadence: Cadence {
                    interval: Duration::from_millis(600),
                    // With runs of up to three these are 2 % of all heights.
                    skip_rate: 0.015,
                    skip_run: 3,
                    ..Cadence::default()
                },
                // Half an hour.
                keep_blocks: Some(3_000),
                faults: Faults { min_latency_ms: 20, max_latency_ms: 80, ..Faults::default() },
                rate_limit: Some(RateLimit::per_second(100)),
                lag_blocks: 5,
                genesis: GenesisChange { height: Some(100_000_000), validity: Some(86_400) },
            },
        }
    }
}

impl GenesisChange {
    /// Changes a genesis.
    pub fn apply(self, config: &mut GenesisConfig) {
        config.genesis_height = self.height.unwrap_or(config.genesis_height);
        config.transaction_validity_period = self.validity.unwrap_or(config.transaction_validity_period);
    }

    /// The same without what `config` no longer has from the genesis of a new chain, `plain`.
    #[must_use]
    pub fn where_plain(self, config: &GenesisConfig, plain: &GenesisConfig) -> Self {
        let validity = self.validity;
        Self {
            height: self.height.filter(|_| config.genesis_height == plain.genesis_height),
            validity: validity.filter(|_| config.transaction_validity_period == plain.transaction_validity_period),
        }
    }

    /// This change with another one over it.
    #[must_use]
    pub fn and(self, over: Self) -> Self {
        Self { height: over.height.or(self.height), validity: over.validity.or(self.validity) }
    }
}
