//! A whole Piecework on this machine: chain, Postgres, indexer, gateway, contracts, accounts.

use std::time::{Duration, Instant};

use futures_util::future::try_join;
use piecework_chain::{Coordinator, FileAccess, KeyFile, KeyPool, Network, RpcClient, Sender, TxRequest, WaitLevel};
use piecework_client::calls;
use piecework_console::{Interrupt, Output, Problem};
use piecework_interface::op::Op;
use serde_json::json;

use crate::{
    accounts::{self, Actor, Node},
    agent::{AgentSetup, Pace},
    chain::Node as ChainNode,
    deploy::{self, CLASS, Deployment},
    layout::Layout,
    plan::Plan,
    programs::Programs,
    servers::Servers,
    site::Site,
};

/// Keys with which the root account signs side by side: one transaction waits for another of the same key.
const ROOT_KEYS: usize = 8;

/// Everything that runs.
pub struct Stack {
    /// Files, programs, endpoints, database.
    pub site: Site,
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
    /// How long all that took: what this machine, as busy as it is, can do.
    pub start_time: Duration,
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
        let network =
            Network { name: "localnet".to_owned(), rpc_urls: vec![rpc_url], contract: None, gateway_url: None };
        let mut site = Site { layout, programs, network, database_url };
        let rpc = RpcClient::new(site.network.rpc_config())?;

        let key = KeyFile::read_with(site.layout.chain().join("validator_key.json"), FileAccess::Any)?;
        let pool = KeyPool::open(&rpc, key.account_id.clone(), vec![key.secret_key().clone()]).await?;
        spinner.set_message("deploying the contracts");
        let height = rpc.head().await?.height;
        let root = accounts::many_keys(&Sender::new(rpc, pool), ROOT_KEYS).await?;
        let (deployment, root) = deploy::deploy(&root, &key.public_key, &site.programs, plan, height).await?;
        site.network.contract = Some(deployment.contract.clone());

        spinner.set_message(format!("starting the servers, creating a requester and {} nodes", plan.nodes));
        let serve = async {
            servers.indexer(&site, Some(deployment.height)).await?;
            servers.gateway(&site, &plan.gateway_listen).await
        };
        let create = accounts::create(&site.layout, &root, &deployment, plan);
        let (gateway_url, (requester, nodes, rpc)) = try_join(serve, create).await?;
        site.network.gateway_url = Some(gateway_url);
        site.layout.write_network(&site.network)?;
        spinner.finish_and_clear();
        let (chain, start_time) = (node.version().to_owned(), started.elapsed());
        Ok(Self { site, rpc, chain, deployment, requester, nodes, start_time, servers: Servers::default() })
    }

    /// The coordinator.
    #[must_use]
    pub fn coordinator(&self) -> Coordinator {
        Coordinator::new(&self.rpc, self.deployment.contract.clone())
    }

    /// What a node does by its owner's key, without an agent. Ops that are skipped change nothing.
    ///
    /// # Errors
    /// If the call does not succeed.
    pub async fn work(&self, node: &Node, ops: Vec<Op>) -> anyhow::Result<()> {
        let request = TxRequest::to(self.deployment.contract.clone()).call(calls::work(ops, None));
        node.owner.sender.execute(request, WaitLevel::Final).await?;
        Ok(())
    }

    /// Lets so many seconds pass on the chain at once, or a little less, as every sandbox node can.
    ///
    /// # Errors
    /// If the node does not do so.
    pub async fn fast_forward(&self, seconds: u32) -> anyhow::Result<()> {
        self.rpc.call_any("sandbox_fast_forward", json!({ "delta_height": seconds })).await?;
        Ok(())
    }

    /// What the configuration of a node's agent says, with the digits worker of this classifier.
    #[must_use]
    pub fn agent_setup<'a>(&self, node: &'a Node, classifier: &str, pace: Pace) -> AgentSetup<'a> {
        AgentSetup {
            name: &node.name,
            account_id: &node.owner.account_id,
            key_file: &node.machine_key_file,
            class: CLASS,
            worker: json!({ "command": [self.site.programs.worker, "--classifier", classifier], "time_limit_s": 20 }),
            pace,
            challenge: None,
            payout_above: Vec::new(),
        }
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
