//! The servers of a local network: each is stopped, whatever happens while it or another one starts.

use std::{
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use piecework_chain::{Network, RpcClient, RpcConfig};

use super::{
    Layout, Programs, postgres,
    process::{Process, START_LIMIT, Spec},
};
use crate::problem::Problem;

/// Those that run.
#[derive(Debug, Default)]
pub(super) struct Servers {
    postgres: Option<Process>,
    chain: Option<Process>,
    indexer: Option<Process>,
    gateway: Option<Process>,
}

impl Servers {
    /// Starts a chain and, unless a database is given, a private Postgres: their URLs.
    pub(super) async fn base(
        &mut self,
        layout: &Layout,
        programs: &Programs,
        listen: &str,
        database_url: Option<&str>,
    ) -> anyhow::Result<(String, String)> {
        let Self { postgres, chain, .. } = self;
        let database = async {
            match database_url {
                Some(url) => Ok(url.to_owned()),
                None => postgres::start(postgres, layout).await,
            }
        };
        tokio::try_join!(start_chain(chain, layout, programs, listen), database)
    }

    /// Starts the indexer.
    pub(super) async fn indexer(
        &mut self,
        layout: &Layout,
        programs: &Programs,
        network: &Network,
        database_url: &str,
        start_height: u64,
    ) -> anyhow::Result<()> {
        let spec = Spec::new("indexer", &programs.indexer)
            .arg("run")
            .args(["--start-height", &start_height.to_string(), "--listen", "127.0.0.1:0"])
            .env("DATABASE_URL", database_url)
            .env("PIECEWORK_RPC_URL", network.rpc_urls.join(","))
            .env("PIECEWORK_CONTRACT", contract(network));
        Process::start(&mut self.indexer, layout, spec).await?;
        Ok(())
    }

    /// Starts the gateway: its URL.
    pub(super) async fn gateway(
        &mut self,
        layout: &Layout,
        programs: &Programs,
        listen: &str,
        network: &Network,
        database_url: &str,
    ) -> anyhow::Result<String> {
        let spec = Spec::new("gateway", &programs.gateway)
            .args(["--listen", listen])
            .arg("--blob-dir")
            .arg(layout.blobs())
            .env("DATABASE_URL", database_url)
            .env("PIECEWORK_CONTRACT", contract(network));
        Process::start(&mut self.gateway, layout, spec).await
    }

    /// Fails, naming the log, once one of them has ended.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        self.all().try_for_each(Process::check)
    }

    /// Stops all, the last started first.
    pub(super) async fn stop(&mut self) {
        for server in self.all() {
            server.stop().await;
        }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Process> {
        let Self { postgres, chain, indexer, gateway } = self;
        [gateway, indexer, chain, postgres].into_iter().flatten()
    }
}

async fn start_chain(
    slot: &mut Option<Process>,
    layout: &Layout,
    programs: &Programs,
    listen: &str,
) -> anyhow::Result<String> {
    let home = layout.chain();
    let made = tokio::process::Command::new(&programs.localnet)
        .arg("--home")
        .arg(&home)
        .arg("init")
        .output()
        .await
        .with_context(|| format!("{} cannot be run", programs.localnet.display()))?;
    if !made.status.success() {
        let why = String::from_utf8_lossy(&made.stderr).trim().to_owned();
        return Err(Problem::new(
            format!("the chain's home {} cannot be made: {why}", home.display()),
            "check the directory",
        )
        .into());
    }
    let listen = free_port(listen)?;
    let spec = Spec::new("localnet", &programs.localnet).arg("--home").arg(&home).args([
        "run",
        "--rpc-addr",
        &listen.to_string(),
        "--network-addr",
        "127.0.0.1:0",
    ]);
    let process = slot.insert(Process::spawn(layout, spec)?);
    let url = format!("http://{listen}");
    serves(&url, process).await?;
    Ok(url)
}

/// The address with a port: a neard sandbox does not tell which one it took.
fn free_port(listen: &str) -> anyhow::Result<SocketAddr> {
    let taken =
        || Problem::new(format!("{listen} cannot be listened on"), "pass another address, or port 0 for a free one");
    TcpListener::bind(listen).and_then(|listener| listener.local_addr()).with_context(taken)
}

/// Waits until the chain answers with its first blocks, as every client of a sandbox must.
async fn serves(url: &str, process: &mut Process) -> anyhow::Result<()> {
    let mut config = RpcConfig::new([url]);
    config.retry.rounds = 1;
    let rpc = RpcClient::new(config)?;
    let end = Instant::now() + START_LIMIT;
    loop {
        match rpc.head().await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= end => {
                return Err(error).context("the chain does not serve; see logs/localnet.log");
            }
            Err(_) => process.check()?,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn contract(network: &Network) -> &str {
    network.contract.as_ref().map_or("", |contract| contract.as_str())
}
