//! A whole Piecework on this machine: chain, Postgres, indexer, gateway, contracts, accounts.

mod accounts;
mod agent;
mod deploy;
mod layout;
mod postgres;
mod process;

use std::{
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use piecework_chain::{FileAccess, KeyFile, KeyPool, Network, RpcClient, RpcConfig, Sender};
use piecework_interface::config::Config;

pub use accounts::{Actor, Node};
pub use agent::{Pace, agent_spec, write_agent_config};
pub use deploy::{Deployment, LOCAL_TOKEN_DECIMALS};
pub use layout::{Layout, Programs};
pub use process::{Process, Spec};

use crate::{coordinator::Coordinator, output::Output, problem::Problem};
use postgres::Postgres;

/// How long a server may take until it serves.
const START_LIMIT: Duration = Duration::from_secs(30);

/// What to start.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The coordinator's configuration.
    pub config: Config,
    /// Nodes to create, register and stake.
    pub nodes: usize,
    /// yoctoNEAR that each stakes.
    pub stake: u128,
    /// Whole reward tokens minted to the requester.
    pub mint: u128,
    /// An existing database instead of a private one.
    pub database_url: Option<String>,
    /// Addresses to listen on; port 0 takes a free one.
    pub rpc_listen: String,
    /// Likewise for the gateway.
    pub gateway_listen: String,
}

/// Everything that runs.
pub struct Stack {
    /// Files.
    pub layout: Layout,
    /// Where it is found.
    pub network: Network,
    /// A client of the chain.
    pub rpc: RpcClient,
    /// Contracts.
    pub deployment: Deployment,
    /// Who posts batches.
    pub requester: Actor,
    /// Registered nodes.
    pub nodes: Vec<Node>,
    /// Connection string of the mirror's database.
    pub database_url: String,
    programs: Programs,
    servers: Vec<Process>,
    postgres: Option<Postgres>,
}

impl Stack {
    /// Starts and deploys everything. On an error whatever was started is stopped.
    ///
    /// # Errors
    /// If a program is missing or does not start, naming its log.
    pub async fn start(layout: Layout, programs: Programs, plan: &Plan, output: Output) -> anyhow::Result<Self> {
        let spinner = output.spinner("starting the chain and Postgres");
        let (postgres, chain) = tokio::join!(
            Postgres::open(&layout, plan.database_url.clone()),
            start_chain(&layout, &programs, &plan.rpc_listen)
        );
        let (postgres, database_url) = postgres?;
        let (localnet, rpc_url) = chain?;
        let mut network =
            Network { name: "localnet".to_owned(), rpc_urls: vec![rpc_url], contract: None, gateway_url: None };
        let rpc = RpcClient::new(network.rpc_config())?;

        let key = KeyFile::read_with(layout.chain().join("validator_key.json"), FileAccess::Any)?;
        let pool = KeyPool::open(&rpc, key.account_id.clone(), vec![key.secret_key().clone()]).await?;
        let root = Sender::new(rpc.clone(), pool);
        spinner.set_message("deploying the contracts");
        let deployment = deploy::deploy(&root, &programs, &plan.config).await?;
        network.contract = Some(deployment.contract.clone());

        spinner.set_message("starting the indexer and the gateway");
        let indexer = start_indexer(&layout, &programs, &network, &database_url, deployment.height).await?;
        let (gateway, gateway_url) = start_gateway(&layout, &programs, plan, &network, &database_url).await?;
        network.gateway_url = Some(gateway_url);
        layout.write_network(&network)?;

        spinner.set_message(format!("creating a requester and {} nodes", plan.nodes));
        let requester = accounts::requester(&layout, &root, &deployment, plan.mint).await?;
        let nodes = accounts::nodes(&layout, &root, &deployment, plan).await?;
        spinner.finish_and_clear();
        Ok(Self {
            layout,
            network,
            rpc,
            deployment,
            requester,
            nodes,
            database_url,
            programs,
            servers: vec![gateway, indexer, localnet],
            postgres,
        })
    }

    /// The coordinator.
    #[must_use]
    pub fn coordinator(&self) -> Coordinator {
        Coordinator::new(self.rpc.clone(), self.deployment.contract.clone())
    }

    /// Where the programs are.
    #[must_use]
    pub const fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The gateway's URL.
    #[must_use]
    pub fn gateway_url(&self) -> &str {
        self.network.gateway_url.as_deref().unwrap_or_default()
    }

    /// Fails, naming the log, once one of the servers has ended.
    ///
    /// # Errors
    /// If a server has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        self.servers.iter_mut().try_for_each(Process::check)
    }

    /// Stops everything, the last started first.
    ///
    /// # Errors
    /// If Postgres cannot be stopped.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for server in &mut self.servers {
            server.stop().await;
        }
        match self.postgres.take() {
            Some(postgres) => postgres.stop().await,
            None => Ok(()),
        }
    }
}

async fn start_chain(layout: &Layout, programs: &Programs, listen: &str) -> anyhow::Result<(Process, String)> {
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
    let mut process = Process::spawn(layout, spec)?;
    let url = format!("http://{listen}");
    serves(&url, &mut process).await?;
    Ok((process, url))
}

/// The address with a port: a neard sandbox does not tell which one it took.
fn free_port(listen: &str) -> anyhow::Result<SocketAddr> {
    let taken =
        || Problem::new(format!("{listen} cannot be listened on"), "pass another address, or port 0 for a free one");
    Ok(TcpListener::bind(listen).and_then(|listener| listener.local_addr()).with_context(taken)?)
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

async fn start_indexer(
    layout: &Layout,
    programs: &Programs,
    network: &Network,
    database_url: &str,
    start_height: u64,
) -> anyhow::Result<Process> {
    let spec = Spec::new("indexer", &programs.indexer)
        .arg("run")
        .args(["--start-height", &start_height.to_string(), "--listen", "127.0.0.1:0"])
        .env("DATABASE_URL", database_url)
        .env("PIECEWORK_RPC_URL", network.rpc_urls.join(","))
        .env("PIECEWORK_CONTRACT", contract(network));
    let mut process = Process::spawn(layout, spec)?;
    process.ready(START_LIMIT).await?;
    Ok(process)
}

async fn start_gateway(
    layout: &Layout,
    programs: &Programs,
    plan: &Plan,
    network: &Network,
    database_url: &str,
) -> anyhow::Result<(Process, String)> {
    let spec = Spec::new("gateway", &programs.gateway)
        .args(["--listen", &plan.gateway_listen])
        .arg("--blob-dir")
        .arg(layout.blobs())
        .env("DATABASE_URL", database_url)
        .env("PIECEWORK_CONTRACT", contract(network));
    let mut process = Process::spawn(layout, spec)?;
    let url = process.ready(START_LIMIT).await?;
    Ok((process, url))
}

fn contract(network: &Network) -> &str {
    network.contract.as_ref().map_or("", |contract| contract.as_str())
}
