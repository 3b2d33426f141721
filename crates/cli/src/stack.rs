//! A whole Piecework on this machine: chain, Postgres, indexer, gateway, contracts, accounts.

mod accounts;
mod agent;
mod chain;
mod deploy;
mod layout;
mod postgres;
mod process;
mod servers;

use std::time::{Duration, Instant};

use futures_util::future::try_join;
use piecework_chain::{Coordinator, FileAccess, KeyFile, KeyPool, Network, RpcClient, Sender};
use piecework_interface::config::Config;

pub use accounts::{Actor, Node};
pub use agent::{Pace, agent_spec, write_agent_config};
pub use chain::Like;
pub use deploy::{Deployment, LOCAL_TOKEN_DECIMALS};
pub use layout::{Layout, Programs};
pub use process::{Process, START_LIMIT, Spec, command};

use crate::{interrupt::Interrupt, output::Output, problem::Problem};
use chain::Node as ChainNode;
use servers::Servers;

/// Keys with which the root account signs side by side: one transaction waits for another of the same key.
const ROOT_KEYS: usize = 8;

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
    /// Which network the chain behaves like; none in particular by default.
    pub like: Option<Like>,
}

/// Everything that runs.
pub struct Stack {
    /// Files.
    pub layout: Layout,
    /// Where it is found.
    pub network: Network,
    /// A client of the chain, which sees what the set-up did whichever endpoint answers.
    pub rpc: RpcClient,
    /// The chain's node and its version.
    pub chain: String,
    /// Contracts.
    pub deployment: Deployment,
    /// Who posts batches.
    pub requester: Actor,
    /// Registered nodes.
    pub nodes: Vec<Node>,
    /// Connection string of the mirror's database.
    pub database_url: String,
    /// How long all that took: what this machine, as busy as it is, can do.
    pub start_time: Duration,
    programs: Programs,
    servers: Servers,
}

impl Stack {
    /// Starts and deploys everything. On an error or an interrupt whatever was started is stopped.
    ///
    /// # Errors
    /// If a program is missing or does not start, naming its log, or this is interrupted.
    pub async fn start(
        layout: Layout,
        programs: Programs,
        plan: &Plan,
        output: Output,
        interrupt: &mut Interrupt,
    ) -> anyhow::Result<Self> {
        let mut servers = Servers::default();
        let started = tokio::select! {
            started = Self::launch(&mut servers, layout, programs, plan, output) => started,
            () = interrupt.wait() => Err(Problem::new("interrupted while starting; everything is stopped", "run it again").into()),
        };
        match started {
            Ok(stack) => Ok(Self { servers, ..stack }),
            Err(error) => {
                servers.stop().await;
                Err(error)
            }
        }
    }

    /// The stack, whose servers are in `servers`.
    async fn launch(
        servers: &mut Servers,
        layout: Layout,
        programs: Programs,
        plan: &Plan,
        output: Output,
    ) -> anyhow::Result<Self> {
        let started = Instant::now();
        let node = ChainNode::open(&programs.chain, programs.is_chain_named).await?;
        if let Some(note) = node.note() {
            output.note(note);
        }
        let spinner = output.spinner("starting the chain and Postgres");
        let (rpc_url, database_url) = servers.base(&layout, &node, plan).await?;
        let mut network =
            Network { name: "localnet".to_owned(), rpc_urls: vec![rpc_url], contract: None, gateway_url: None };
        let rpc = RpcClient::new(network.rpc_config())?;

        let key = KeyFile::read_with(layout.chain().join("validator_key.json"), FileAccess::Any)?;
        let pool = KeyPool::open(&rpc, key.account_id.clone(), vec![key.secret_key().clone()]).await?;
        spinner.set_message("deploying the contracts");
        let height = rpc.head().await?.height;
        let root = accounts::many_keys(&Sender::new(rpc, pool), ROOT_KEYS).await?;
        let (deployment, root) = deploy::deploy(&root, &key.public_key, &programs, plan, height).await?;
        network.contract = Some(deployment.contract.clone());

        spinner.set_message(format!("starting the servers, creating a requester and {} nodes", plan.nodes));
        let serve = async {
            servers.indexer(&layout, &programs, &network, &database_url, deployment.height).await?;
            servers.gateway(&layout, &programs, &plan.gateway_listen, &network, &database_url).await
        };
        let create = accounts::create(&layout, &root, &deployment, plan);
        let (gateway_url, (requester, nodes, rpc)) = try_join(serve, create).await?;
        network.gateway_url = Some(gateway_url);
        layout.write_network(&network)?;
        spinner.finish_and_clear();
        Ok(Self {
            layout,
            network,
            rpc,
            chain: node.version().to_owned(),
            deployment,
            requester,
            nodes,
            database_url,
            start_time: started.elapsed(),
            programs,
            servers: Servers::default(),
        })
    }

    /// The coordinator.
    #[must_use]
    pub fn coordinator(&self) -> Coordinator {
        Coordinator::new(&self.rpc, self.deployment.contract.clone())
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

    /// Returns once a server has ended, which none should.
    pub async fn watch(&mut self) -> anyhow::Error {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tick.tick().await;
            if let Err(error) = self.servers.check() {
                return error;
            }
        }
    }

    /// Stops everything, the last started first.
    pub async fn stop(mut self) {
        self.servers.stop().await;
    }
}
