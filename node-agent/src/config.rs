//! The configuration: a TOML file, and environment variables that beat it.

mod challenge;
mod file;
mod policy;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use piecework_chain::AccountId;
use piecework_interface::ids::ClassId;

use crate::{
    core::{ClassLimits, Limits},
    executor::CommandConfig,
};
pub use challenge::{ChallengeConfig, ChallengeSettings};
pub use file::{ConfigError, Overrides};
pub use policy::PolicySettings;

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
    /// What the section `work` allows the core; [`Config::limits`] has the rest.
    pub work: Limits,
    /// Payload bytes of one lot at most.
    pub max_lot_bytes: u64,
    /// Adjudicators that are trusted.
    pub adjudicators: Vec<AccountId>,
    /// What may be challenged, and at whose expense; nothing without.
    pub challenge: Option<ChallengeConfig>,
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
    /// The program that proves results wrong; without one none is challenged.
    pub verify_command: Option<CommandConfig>,
    /// What the core may do in the class.
    pub limits: ClassLimits,
}

impl Config {
    /// What the core may do, with the classes, and with what only the start knows.
    #[must_use]
    pub fn limits(&self, jitter_seed: u64) -> Limits {
        let classes = self.classes.iter().map(|(&id, class)| (id, class.limits)).collect();
        let challenge = self.challenge.as_ref().map(|challenge| challenge.limits.clone());
        Limits { jitter_seed, classes, challenge, ..self.work.clone() }
    }
}
