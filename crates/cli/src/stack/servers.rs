//! The servers of a local network: each is stopped, whatever happens while it or another one starts.

use piecework_chain::Network;

use super::{
    Layout, Plan, Programs,
    chain::Node,
    postgres,
    process::{Process, Spec},
};

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
    pub(super) async fn base(&mut self, layout: &Layout, node: &Node, plan: &Plan) -> anyhow::Result<(String, String)> {
        let Self { postgres, chain, .. } = self;
        let database = async {
            match &plan.database_url {
                Some(url) => Ok(url.clone()),
                None => postgres::start(postgres, layout).await,
            }
        };
        tokio::try_join!(node.start(chain, layout, &plan.rpc_listen, plan.like), database)
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

fn contract(network: &Network) -> &str {
    network.contract.as_ref().map_or("", |contract| contract.as_str())
}
