//! Starting a chain in this process.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use near_chain_configs::{DEFAULT_GC_NUM_EPOCHS_TO_KEEP, Genesis, MIN_GC_NUM_EPOCHS_TO_KEEP};
use near_crypto::{InMemorySigner, KeyFile, KeyType, SecretKey};
use near_primitives::{hash::CryptoHash, types::AccountId};
use near_vm_runner::{FilesystemContractRuntimeCache, noop_background_spawner};
use tokio::{net::TcpListener, sync::watch, task};

use crate::{
    chain::{Chain, ChainClock, ChainError, Keep},
    faults::{FaultPlan, Faults},
    home::{Home, new_genesis},
    node::{Cadence, Node, RpcRules},
    profile::{Profile, Settings},
    rate_limit::{RateLimit, RateLimiter},
    rpc,
    runtime::{Runtime, Validators},
    store::Layout,
};

/// Blocks kept at least, so that finality and the receipts under way are among them.
pub const MIN_KEEP_BLOCKS: u64 = 100;
/// Compiled contracts kept in memory.
const CACHED_CONTRACTS: usize = 128;
/// Compiled contracts kept on disk, in bytes.
const CACHED_CONTRACTS_BYTES: u64 = 1024 * 1024 * 1024;

/// A chain to be started.
pub struct Config {
    /// State and parameters to start from.
    pub genesis: Genesis,
    /// The root account and validator.
    pub validator: KeyFile,
    /// Where the RPC listens; port 0 picks a free one.
    pub rpc_addr: SocketAddr,
    /// When blocks are made.
    pub cadence: Cadence,
    /// How many blocks can be asked for, at least 100; without, as many epochs as nearcore keeps.
    pub keep_blocks: Option<u64>,
    /// How many epochs nearcore keeps.
    pub keep_epochs: u64,
    /// What the RPC does beyond the chain's rules.
    pub rules: RpcRules,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// The time a fast-forwarded height stands for.
    pub per_height: Duration,
    /// Makes block randomness reproducible.
    pub seed: Option<String>,
    /// Makes time reproducible: it starts here and only moves by fast-forward or [`Chain::advance_time`].
    pub manual_time: Option<Duration>,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// Requests of one client address; without, as many as it likes.
    pub rate_limit: Option<RateLimit>,
    /// How many blocks a second endpoint is behind at most; 0 for none.
    pub lag_blocks: u64,
    /// Where the chain is kept; in memory only without.
    pub data: Option<Layout>,
    /// Where compiled contracts are cached, to be shared by all chains on this machine.
    pub contract_cache: PathBuf,
}

/// A chain could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The cache of compiled contracts cannot be opened.
    #[error("the contract cache {path} cannot be opened; check its permissions or set another")]
    Cache {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The chain refused its genesis.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The RPC address is taken or not ours.
    #[error("cannot listen on {addr}; choose another --rpc-addr")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No thread for the producer.
    #[error("cannot start the block producer")]
    Thread(#[source] std::io::Error),
}

impl Config {
    /// A throw-away chain for tests: the root account is `test.near` with a random key, blocks come as soon as
    /// there is work, and the RPC is on a free port.
    pub fn ephemeral() -> Self {
        let validator: KeyFile =
            InMemorySigner::from_secret_key(root_id(), SecretKey::from_random(KeyType::ED25519)).into();
        Self::plain(new_genesis("localnet".to_owned(), &validator.account_id, &validator.public_key), validator)
    }

    fn plain(genesis: Genesis, validator: KeyFile) -> Self {
        Self {
            genesis,
            validator,
            rpc_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            cadence: Cadence::instant(),
            keep_blocks: None,
            keep_epochs: DEFAULT_GC_NUM_EPOCHS_TO_KEEP,
            rules: RpcRules::default(),
            max_body_bytes: 64 * 1024 * 1024,
            per_height: Duration::from_millis(310),
            seed: None,
            manual_time: None,
            faults: Faults::default(),
            rate_limit: None,
            lag_blocks: 0,
            data: None,
            contract_cache: default_contract_cache(),
        }
    }

    /// The chain described by a home directory.
    pub fn from_home(home: Home, cadence: Cadence) -> Self {
        Self {
            rpc_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 3030)),
            cadence,
            keep_epochs: home.config.gc_num_epochs_to_keep.max(MIN_GC_NUM_EPOCHS_TO_KEEP),
            rules: RpcRules {
                wait_limit: home.config.rpc.polling_config.polling_timeout,
                indexer_blocks: home.config.rpc.enable_indexer_rpc,
            },
            max_body_bytes: home.config.rpc.limits_config.json_payload_max_size,
            per_height: home.config.consensus.per_height(),
            seed: home.config.localnet.random_seed,
            data: Some(Layout::new(home.dir)),
            ..Self::plain(home.genesis, home.validator)
        }
    }

    /// With a profile's values.
    #[must_use]
    pub fn like(self, profile: Profile) -> Self {
        self.with(profile.settings())
    }

    /// With these values. The genesis is changed as well, so the chain must not have begun with another one.
    #[must_use]
    pub fn with(mut self, settings: Settings) -> Self {
        let Settings { cadence, keep_blocks, faults, rate_limit, lag_blocks, genesis } = settings;
        genesis.apply(&mut self.genesis.config);
        let keep_blocks = keep_blocks.or(self.keep_blocks);
        Self { cadence, keep_blocks, faults, rate_limit, lag_blocks, ..self }
    }

    /// The chain alone, to be driven block by block.
    ///
    /// # Errors
    /// If the genesis or the contract cache is unusable.
    pub fn chain(&self) -> Result<Chain, StartError> {
        let path = &self.contract_cache;
        let cache = FilesystemContractRuntimeCache::with_memory_cache(
            path,
            None::<&str>,
            "compiled",
            CACHED_CONTRACTS,
            None,
            CACHED_CONTRACTS_BYTES,
            noop_background_spawner(),
        )
        .map_err(|source| StartError::Cache { path: path.clone(), source })?;
        let validators = Validators::of_genesis(&self.genesis.config);
        let runtime = Runtime::new(self.genesis.config.chain_id.clone(), validators, Box::new(cache));
        let clock = ChainClock { manual: self.manual_time, offset: Duration::ZERO, per_height: self.per_height };
        let seed = match &self.seed {
            Some(seed) => CryptoHash::hash_bytes(seed.as_bytes()),
            None => CryptoHash(rand::random()),
        };
        let genesis = self.genesis.clone();
        let keep = match self.keep_blocks {
            Some(blocks) => Keep::Blocks(blocks.max(MIN_KEEP_BLOCKS)),
            None => Keep::Epochs { count: self.keep_epochs, length: genesis.config.epoch_length },
        };
        let mut chain = Chain::new(runtime, genesis, clock, keep, seed, self.data.as_ref())?;
        if self.lag_blocks > 0 {
            chain.lag_behind(self.lag_blocks, self.cadence.skip_seed);
        }
        Ok(chain)
    }
}

/// A running chain with its RPC. Stops when dropped.
pub struct Localnet {
    node: Arc<Node>,
    shutdown: watch::Sender<bool>,
    server: task::JoinHandle<std::io::Result<()>>,
    producer: Option<JoinHandle<()>>,
}

impl Localnet {
    /// Starts the producer and the RPC. When this returns, requests are answered.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let addr = config.rpc_addr;
        let listener = TcpListener::bind(addr).await.map_err(|source| StartError::Listen { addr, source })?;
        let addr = listener.local_addr().map_err(|source| StartError::Listen { addr, source })?;
        let chain = config.chain()?;
        let (faults, limits) = (FaultPlan::new(config.faults), RateLimiter::new(config.rate_limit));
        let (node, producer) = Node::start(chain, config.cadence, addr, config.validator, faults, limits, config.rules)
            .map_err(StartError::Thread)?;
        let (shutdown, mut stopping) = watch::channel(false);
        let stopped = async move {
            // A dropped sender stops the server as well.
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        let server = tokio::spawn(rpc::serve(listener, Arc::clone(&node), config.max_body_bytes, stopped));
        Ok(Self { node, shutdown, server, producer: Some(producer) })
    }

    /// The RPC's URL.
    pub fn rpc_url(&self) -> String {
        format!("http://{}", self.node.rpc_addr)
    }

    /// The running node.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// The root account, which has most of the NEAR, with its key.
    pub fn root(&self) -> &KeyFile {
        &self.node.validator
    }

    /// Resolves when the block producer has ended, which it does by itself only if it cannot go on.
    pub async fn producer_gone(&self) {
        let mut head = self.node.head.clone();
        while head.changed().await.is_ok() {}
    }

    /// Stops the chain and waits until it is down.
    pub async fn stop(mut self) {
        self.node.stop();
        self.shutdown.send_replace(true);
        self.server.abort();
        if let Some(producer) = self.producer.take()
            && task::spawn_blocking(move || producer.join()).await.is_err()
        {
            tracing::warn!("the block producer did not end cleanly");
        }
    }
}

impl Drop for Localnet {
    fn drop(&mut self) {
        self.node.stop();
    }
}

/// Where compiled contracts go unless something else is said: a directory all local chains share.
pub fn default_contract_cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    base.unwrap_or_else(std::env::temp_dir).join("piecework-localnet")
}

#[expect(clippy::expect_used, reason = "a literal")]
fn root_id() -> AccountId {
    "test.near".parse().expect("test.near is a valid account id")
}
