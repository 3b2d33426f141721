//! The configuration: a TOML file, and environment variables that beat it.

mod file;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use piecework_chain::AccountId;
use piecework_interface::ids::ClassId;

use crate::{
    core::{ClassLimits, Limits, RevenueRights},
    executor::CommandConfig,
};
pub use file::{ConfigError, Overrides};

/// Everything an operator sets, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// Account of the node.
    pub account_id: AccountId,
    /// File with the function-call key.
    pub key_file: PathBuf,
    /// Whether a key that may do everything is accepted.
    pub allow_full_access_key: bool,
    /// JSON-RPC endpoints, the preferred first.
    pub rpc_urls: Vec<String>,
    /// Coordinator contract.
    pub contract: AccountId,
    /// Wait between two looks at the chain.
    pub poll_interval: Duration,
    /// Gateway for manifests and payloads.
    pub gateway_url: String,
    /// Slots held at once at most.
    pub max_slots: u16,
    /// Whether to poke what is due.
    pub keeper: bool,
    /// Average wait until the first of all nodes sends a draw that stands alone.
    pub draw_jitter: Duration,
    /// The same for pokes.
    pub keeper_jitter: Duration,
    /// Time to finish after a request to stop.
    pub stop_grace: Duration,
    /// Payload bytes of one lot at most.
    pub max_lot_bytes: u64,
    /// Classes and how their work is done.
    pub classes: BTreeMap<ClassId, ClassConfig>,
    /// State directory.
    pub state_dir: PathBuf,
    /// Address for `/metrics`, `/livez` and `/readyz`.
    pub metrics_listen: Option<SocketAddr>,
}

/// How the work of a class is done.
#[derive(Clone, Debug)]
pub struct ClassConfig {
    /// The program.
    pub command: CommandConfig,
    /// The program for juries about an adjudicator's scores; without one they are left alone.
    pub jury_command: Option<CommandConfig>,
    /// Wall time per lot.
    pub time_limit: Duration,
    /// Lots worked on at once.
    pub parallel: u16,
}

impl Config {
    /// Reads the file and what overrides it. Every problem is named, not only the first.
    ///
    /// # Errors
    /// If the file cannot be read, or any setting is missing or wrong.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        file::load(path, overrides)
    }

    /// What the core needs of it.
    #[must_use]
    pub fn limits(&self, jitter_seed: u64, revenue: RevenueRights) -> Limits {
        let classes = self.classes.iter().map(|(&id, class)| {
            let time_limit_s = u32::try_from(class.time_limit.as_secs()).unwrap_or(u32::MAX);
            let judges_scores = class.jury_command.is_some();
            (id, ClassLimits { parallel: class.parallel, time_limit_s, judges_scores })
        });
        Limits {
            max_slots: self.max_slots,
            keeper: self.keeper,
            draw_jitter_ms: millis(self.draw_jitter),
            keeper_jitter_ms: millis(self.keeper_jitter),
            jitter_seed,
            stop_grace_ms: millis(self.stop_grace),
            classes: classes.collect(),
            revenue,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
