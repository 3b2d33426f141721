//! The home directory: the files that the neard sandbox keeps, so that near-workspaces and near-sandbox can
//! read and edit them between `init` and `run`.

mod accounts;
mod genesis;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use near_chain_configs::{DEFAULT_GC_NUM_EPOCHS_TO_KEEP, EXPECTED_EPOCH_LENGTH, Genesis, GenesisValidationMode};
use near_crypto::{InMemorySigner, KeyFile, KeyType, SecretKey};
use near_primitives::types::{AccountId, Balance};
use serde::{Deserialize, Serialize};

use crate::{profile::GenesisChange, store::Layout};

pub use accounts::{well_known_accounts, well_known_key};
pub use genesis::new_genesis;

/// The home directory cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// `init` would overwrite a chain.
    #[error("{0} already exists; remove the directory or choose another --home to start a new chain")]
    AlreadyInitialised(PathBuf),
    /// `run` without `init`.
    #[error("{0} does not exist; run `piecework-localnet --home <dir> init` first")]
    NotInitialised(PathBuf),
    /// A file could not be read or written.
    #[error("{path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file does not parse.
    #[error("{path} is not valid: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// Choices of `init`.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The chain's name; random if not given.
    pub chain_id: Option<String>,
    /// The validator, who is also the root account.
    pub account_id: AccountId,
    /// Makes the validator's key and all block randomness reproducible.
    pub test_seed: Option<String>,
    /// Epochs of 60 blocks instead of 500.
    pub fast: bool,
    /// Accounts below the root account, whose keys everyone knows; the root account's is such a one then, too.
    pub accounts: Option<Accounts>,
    /// What differs from a plain genesis.
    pub genesis: GenesisChange,
}

/// Accounts that are there from the beginning.
#[derive(Clone, Copy, Debug)]
pub struct Accounts {
    /// How many.
    pub count: usize,
    /// What each has.
    pub balance: Balance,
}

/// The part of `config.json` this program reads. Everything else in the file is kept for other tools.
#[derive(Debug, Serialize, Deserialize)]
pub struct NodeConfig {
    /// RPC limits.
    #[serde(default)]
    pub rpc: RpcConfig,
    /// How many epochs can be asked for.
    #[serde(default = "gc_num_epochs_to_keep")]
    pub gc_num_epochs_to_keep: u64,
    /// Block times, which here only say how much time a fast-forwarded height stands for.
    #[serde(default)]
    pub consensus: ConsensusConfig,
    /// Settings neard does not have.
    #[serde(default)]
    pub localnet: LocalnetConfig,
}

/// `rpc` of `config.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RpcConfig {
    /// Address used if none is given on the command line.
    pub addr: Option<String>,
    /// Limits.
    #[serde(default)]
    pub limits_config: RpcLimits,
    /// Waits.
    #[serde(default)]
    pub polling_config: RpcPolling,
    /// Whether `EXPERIMENTAL_indexer_block` is answered.
    #[serde(default)]
    pub enable_indexer_rpc: bool,
}

/// `rpc.polling_config` of `config.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct RpcPolling {
    /// How long a request waits for its transaction.
    pub polling_timeout: Duration,
}

impl Default for RpcPolling {
    fn default() -> Self {
        Self { polling_timeout: Duration::from_secs(10) }
    }
}

/// `rpc.limits_config` of `config.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct RpcLimits {
    /// Largest request body, in bytes.
    pub json_payload_max_size: usize,
}

impl Default for RpcLimits {
    fn default() -> Self {
        Self { json_payload_max_size: 10 * 1024 * 1024 }
    }
}

/// `consensus` of `config.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConsensusConfig {
    /// Shortest time between blocks of neard.
    pub min_block_production_delay: Duration,
    /// Longest time between blocks of neard.
    pub max_block_production_delay: Duration,
}

impl Default for ConsensusConfig {
    fn default() -> Self {
        Self {
            min_block_production_delay: Duration::from_millis(120),
            max_block_production_delay: Duration::from_millis(500),
        }
    }
}

impl ConsensusConfig {
    /// The time a fast-forwarded height stands for: neard's average block time.
    pub fn per_height(&self) -> Duration {
        (self.min_block_production_delay + self.max_block_production_delay) / 2
    }
}

/// `localnet` of `config.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct LocalnetConfig {
    /// Makes block randomness reproducible.
    pub random_seed: Option<String>,
    /// How many accounts of well-known keys the genesis has.
    #[serde(default)]
    pub accounts: usize,
}

/// Everything read from a home directory.
pub struct Home {
    /// The directory.
    pub dir: PathBuf,
    /// The genesis, as edited since `init`.
    pub genesis: Genesis,
    /// The configuration, as edited since `init`.
    pub config: NodeConfig,
    /// The validator's account and key.
    pub validator: KeyFile,
}

impl Home {
    /// Whether the chain has blocks, so that its genesis can no longer change.
    pub fn has_begun(&self) -> bool {
        Layout::new(&self.dir).data().exists()
    }

    /// The change without what this genesis has otherwise than a new one.
    pub fn where_plain(&self, change: GenesisChange) -> GenesisChange {
        let plain = new_genesis(String::new(), &self.validator.account_id, &self.validator.public_key);
        change.where_plain(&self.genesis.config, &plain.config)
    }

    /// Changes the genesis of a chain that has not begun.
    ///
    /// # Errors
    /// If its file cannot be written.
    pub fn change_genesis(&mut self, change: GenesisChange) -> Result<(), HomeError> {
        if change == GenesisChange::default() {
            return Ok(());
        }
        change.apply(&mut self.genesis.config);
        write_json(&self.dir.join("genesis.json"), &self.genesis)
    }
}

/// Creates the home directory of a new chain.
///
/// # Errors
/// If there already is one, or a file cannot be written.
pub fn init(dir: &Path, options: &InitOptions) -> Result<(), HomeError> {
    let genesis_path = dir.join("genesis.json");
    if genesis_path.exists() {
        return Err(HomeError::AlreadyInitialised(genesis_path));
    }
    fs::create_dir_all(dir).map_err(|source| HomeError::File { path: dir.to_owned(), source })?;
    let validator = match (&options.accounts, &options.test_seed) {
        (Some(_), _) => well_known_key(&options.account_id),
        (None, Some(seed)) => key_file(&options.account_id, SecretKey::from_seed(KeyType::ED25519, seed)),
        (None, None) => key_file(&options.account_id, SecretKey::from_random(KeyType::ED25519)),
    };
    let chain_id = options.chain_id.clone().unwrap_or_else(|| {
        let suffix = SecretKey::from_random(KeyType::ED25519).public_key().to_string();
        format!("test-chain-{}", suffix.chars().rev().take(5).collect::<String>())
    });
    let mut genesis = new_genesis(chain_id, &validator.account_id, &validator.public_key);
    if !options.fast {
        genesis.config.epoch_length = EXPECTED_EPOCH_LENGTH;
    }
    if let Some(Accounts { count, balance }) = options.accounts {
        genesis::add_accounts(&mut genesis, &well_known_accounts(&validator.account_id, count), balance);
    }
    options.genesis.apply(&mut genesis.config);
    let config = NodeConfig {
        rpc: RpcConfig { addr: Some("0.0.0.0:3030".to_owned()), ..RpcConfig::default() },
        gc_num_epochs_to_keep: gc_num_epochs_to_keep(),
        consensus: ConsensusConfig::default(),
        localnet: LocalnetConfig {
            random_seed: options.test_seed.clone(),
            accounts: options.accounts.map_or(0, |accounts| accounts.count),
        },
    };
    write_json(&genesis_path, &genesis)?;
    write_json(&dir.join("config.json"), &config_file(&config))?;
    write_key(&dir.join("validator_key.json"), &validator)?;
    let node_key = key_file(&validator.account_id, SecretKey::from_random(KeyType::ED25519));
    write_key(&dir.join("node_key.json"), &node_key)
}

/// Reads a home directory.
///
/// # Errors
/// If it has not been initialised or a file is wrong.
pub fn load(dir: &Path) -> Result<Home, HomeError> {
    let genesis_path = dir.join("genesis.json");
    if !genesis_path.exists() {
        return Err(HomeError::NotInitialised(genesis_path));
    }
    let genesis = Genesis::from_file(&genesis_path, GenesisValidationMode::UnsafeFast)
        .map_err(|error| HomeError::Invalid { path: genesis_path, message: error.to_string() })?;
    let config_path = dir.join("config.json");
    let config = fs::read(&config_path).map_err(|source| HomeError::File { path: config_path.clone(), source })?;
    let config = serde_json::from_slice(&config)
        .map_err(|error| HomeError::Invalid { path: config_path, message: error.to_string() })?;
    let key_path = dir.join("validator_key.json");
    let validator = KeyFile::from_file(&key_path).map_err(|source| HomeError::File { path: key_path, source })?;
    Ok(Home { dir: dir.to_owned(), genesis, config, validator })
}

fn gc_num_epochs_to_keep() -> u64 {
    DEFAULT_GC_NUM_EPOCHS_TO_KEEP
}

fn key_file(account_id: &AccountId, secret_key: SecretKey) -> KeyFile {
    InMemorySigner::from_secret_key(account_id.clone(), secret_key).into()
}

/// The configuration with the sections that tools written for neard edit or look at.
fn config_file(config: &NodeConfig) -> serde_json::Value {
    serde_json::json!({
        "genesis_file": "genesis.json",
        "validator_key_file": "validator_key.json",
        "node_key_file": "node_key.json",
        "rpc": config.rpc,
        "network": { "addr": "0.0.0.0:24567" },
        "consensus": config.consensus,
        "gc_num_epochs_to_keep": config.gc_num_epochs_to_keep,
        "store": {},
        "localnet": config.localnet,
    })
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), HomeError> {
    let failed = |source| HomeError::File { path: path.to_owned(), source };
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| failed(error.into()))?;
    fs::write(path, bytes).map_err(failed)
}

fn write_key(path: &Path, key: &KeyFile) -> Result<(), HomeError> {
    key.write_to_file(path).map_err(|source| HomeError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    fn options() -> InitOptions {
        let account_id = "test.near".parse().unwrap();
        InitOptions {
            chain_id: None,
            account_id,
            test_seed: None,
            fast: false,
            accounts: None,
            genesis: GenesisChange::default(),
        }
    }

    #[test]
    fn genesis__should_be_that_of_neards_init() {
        for (options, epoch_length, validity) in [
            (options(), 500, 100),
            (InitOptions { fast: true, ..options() }, 60, 100),
            (InitOptions { genesis: Profile::Mainnet.settings().genesis, ..options() }, 500, 86_400),
        ] {
            // When a chain is initialised with or without `--fast`, or with a validity of its own
            let dir = tempfile::tempdir().unwrap();
            init(dir.path(), &options).unwrap();
            let home = load(dir.path()).unwrap();

            // Then epochs and transactions last as long as in neard, or as long as was asked for
            let genesis = &home.genesis.config;
            assert_eq!((genesis.epoch_length, genesis.transaction_validity_period), (epoch_length, validity));

            // And the configuration says how many epochs are kept
            assert_eq!(home.config.gc_num_epochs_to_keep, 5);
            assert_eq!(home.config.rpc.polling_config.polling_timeout, Duration::from_secs(10));
            assert!(!home.config.rpc.enable_indexer_rpc);
        }
    }
}
