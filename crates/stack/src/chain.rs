//! The chain of a local network: piecework-localnet, or the sandbox node that `NEAR_SANDBOX_BIN_PATH` names.
//!
//! Both are started as near-workspaces starts neard: `init --fast`, then `run` with two addresses. No other option is
//! passed, since neard refuses what it does not know; what only piecework-localnet can do is asked for by environment
//! variables.

use std::{
    fmt, fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use piecework_chain::{RpcClient, RpcConfig};
use piecework_console::Problem;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    layout::Layout,
    process::{Process, START_LIMIT, Spec, command},
    programs::SANDBOX,
};

/// What piecework-localnet's `--version` begins with; every other program is taken for neard's sandbox.
const LOCALNET: &str = "piecework-localnet";
/// The variable by which piecework-localnet is told which network to be like, in `init` and in `run`.
const LIKE: &str = "PIECEWORK_LOCALNET_LIKE";
/// What a network to try things on has beyond a node's five epochs of sixty blocks, unless the user's environment says
/// otherwise: a history to look at, and transactions that outlive a pause of the machine.
const ROOM: [(&str, &str); 2] =
    [("PIECEWORK_LOCALNET_KEEP_BLOCKS", "100000"), ("PIECEWORK_LOCALNET_VALIDITY", "86400")];
/// Files that the node may hold open: neard's default is more than many machines allow.
const MAX_OPEN_FILES: u32 = 3_000;

/// Which network the local chain behaves like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Like {
    /// Blocks of 600 ms, skipped heights, a short history, latency, a rate limit, an endpoint that lags
    Mainnet,
}

/// A program that runs a chain.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    program: PathBuf,
    /// First line of its `--version`.
    version: String,
    is_named: bool,
}

impl fmt::Display for Like {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mainnet => f.write_str("mainnet"),
        }
    }
}

impl Node {
    /// The program of `--version` asked; `is_named` if [`SANDBOX`] names it.
    pub(crate) async fn open(program: &Path, is_named: bool) -> anyhow::Result<Self> {
        let named = format!("set {SANDBOX} to a sandbox node, or unset it");
        let fix = if is_named { &named } else { "run ./scripts/setup" };
        let what = || Problem::new(format!("{} cannot be run", program.display()), fix);
        let said = command(program).arg("--version").stdin(Stdio::null()).output().await.with_context(what)?;
        let text = String::from_utf8_lossy(&said.stdout);
        let version = text.lines().next().unwrap_or_default().trim().to_owned();
        if !said.status.success() || version.is_empty() {
            bail!(Problem::new(format!("{} --version says no version", program.display()), fix));
        }
        Ok(Self { program: program.to_owned(), version, is_named })
    }

    /// What it says that it is.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Which program it is, and why that one, if another was asked for than the one that belongs to this program.
    pub(crate) fn note(&self) -> Option<String> {
        self.is_named.then(|| format!("chain: {} ({SANDBOX}), {}", self.program.display(), self.version))
    }

    fn is_localnet(&self) -> bool {
        self.version.split_whitespace().next() == Some(LOCALNET)
    }

    /// What piecework-localnet is told.
    fn environment(&self, like: Option<Like>) -> Vec<(&'static str, String)> {
        match like {
            _ if !self.is_localnet() => Vec::new(),
            Some(like) => vec![(LIKE, like.to_string())],
            None => {
                let room = ROOM.iter().filter(|(name, _)| std::env::var_os(name).is_none());
                room.map(|(name, value)| (*name, (*value).to_owned())).collect()
            }
        }
    }

    /// Makes a chain and runs it: its RPC's URL.
    pub(crate) async fn start(
        &self,
        slot: &mut Option<Process>,
        layout: &Layout,
        listen: &str,
        like: Option<Like>,
    ) -> anyhow::Result<String> {
        if let Some(like) = like.filter(|_| !self.is_localnet()) {
            bail!(Problem::new(
                format!("--like {like} needs piecework-localnet, and {SANDBOX} names {}", self.version),
                format!("unset {SANDBOX}, or leave --like out: a real node has its own pace"),
            ));
        }
        let home = layout.chain();
        let environment = self.environment(like);
        let mut init = command(&self.program);
        init.arg("--home").arg(&home).args(["init", "--fast"]).envs(environment.iter().cloned()).stdin(Stdio::null());
        let made = init.output().await.with_context(|| format!("{} cannot be run", self.program.display()))?;
        if !made.status.success() {
            let why = String::from_utf8_lossy(&made.stderr).trim().to_owned();
            bail!(Problem::new(
                format!("the chain's home {} cannot be made: {why}", home.display()),
                "check the directory",
            ));
        }
        limit_files(&home.join("config.json"))?;
        let [rpc, network] = free_addresses(listen)?;
        let addresses = ["--rpc-addr", &rpc.to_string(), "--network-addr", &network.to_string()];
        let spec =
            Spec::new("chain", &self.program).arg("--home").arg(&home).arg("run").args(addresses).envs(environment);
        let process = slot.insert(Process::spawn(layout, spec)?);
        let url = format!("http://{rpc}");
        serves(&url, process, layout).await?;
        Ok(url)
    }
}

/// Lowers the node's demand for open files, as near-workspaces does.
fn limit_files(path: &Path) -> anyhow::Result<()> {
    let what = || format!("{} cannot be changed", path.display());
    let mut config: Value = serde_json::from_slice(&fs::read(path).with_context(what)?).with_context(what)?;
    let store = config.as_object_mut().with_context(what)?.entry("store").or_insert_with(|| json!({}));
    store.as_object_mut().with_context(what)?.insert("max_open_files".to_owned(), MAX_OPEN_FILES.into());
    fs::write(path, serde_json::to_vec_pretty(&config)?).with_context(what)
}

/// Addresses with ports for RPC and for peers: neard takes no port 0 for peers, and does not tell which one it took for
/// RPC. Both are held until both are known, so that they differ.
fn free_addresses(listen: &str) -> anyhow::Result<[SocketAddr; 2]> {
    let taken =
        || Problem::new(format!("{listen} cannot be listened on"), "pass another address, or port 0 for a free one");
    let rpc = TcpListener::bind(listen).with_context(taken)?;
    let network = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok([rpc.local_addr()?, network.local_addr()?])
}

/// Waits until the chain answers with its first blocks, as every client of a sandbox must.
async fn serves(url: &str, process: &mut Process, layout: &Layout) -> anyhow::Result<()> {
    let mut config = RpcConfig::new([url]);
    config.retry.rounds = 1;
    let rpc = RpcClient::new(config)?;
    let end = Instant::now() + START_LIMIT;
    loop {
        match rpc.head().await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= end => {
                let fix = format!("read its log: {}", layout.log("chain").display());
                return Err(error).context(Problem::new("the chain does not serve", fix));
            }
            Err(_) => process.check()?,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
