//! The servers of a network: each is stopped, whatever happens while it or another one starts.

use anyhow::Context as _;

use crate::{
    chain::Node,
    layout::Layout,
    plan::Plan,
    postgres,
    process::{Process, Spec},
    site::Site,
};

/// Those that run.
#[derive(Debug, Default)]
pub struct Servers {
    postgres: Option<Process>,
    chain: Option<Process>,
    indexer: Option<Process>,
    gateway: Option<Process>,
}

impl Servers {
    /// Starts a chain and, unless a database is given, a private Postgres: their URLs.
    pub(crate) async fn base(&mut self, layout: &Layout, node: &Node, plan: &Plan) -> anyhow::Result<(String, String)> {
        let Self { postgres, chain, .. } = self;
        let database = async {
            match &plan.database_url {
                Some(url) => Ok(url.clone()),
                None => postgres::start(postgres, layout).await,
            }
        };
        tokio::try_join!(node.start(chain, layout, &plan.rpc_listen, plan.like), database)
    }

    /// Starts the indexer on the mirror as it is. Without a height it finds where the contract was deployed.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn indexer(&mut self, site: &Site, start_height: Option<u64>) -> anyhow::Result<()> {
        let height = start_height.map(|height| ["--start-height".to_owned(), height.to_string()]);
        let spec = Spec::new("indexer", &site.programs.indexer)
            .args(["run", "--listen", "127.0.0.1:0"])
            .args(height.into_iter().flatten())
            .envs(site.environment());
        Process::start(&mut self.indexer, &site.layout, spec).await?;
        Ok(())
    }

    /// Kills the indexer as a power cut would.
    ///
    /// # Errors
    /// If it does not run.
    pub async fn kill_indexer(&mut self) -> anyhow::Result<()> {
        self.indexer.take().context("the indexer does not run")?.kill().await
    }

    /// Starts the gateway: its URL.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn gateway(&mut self, site: &Site, listen: &str) -> anyhow::Result<String> {
        let spec = Spec::new("gateway", &site.programs.gateway)
            .args(["--listen", listen])
            .arg("--blob-dir")
            .arg(site.layout.blobs())
            .envs(site.environment());
        Process::start(&mut self.gateway, &site.layout, spec).await
    }

    /// Fails, naming the log, once one of them has ended.
    ///
    /// # Errors
    /// If one has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        self.all().try_for_each(Process::check)
    }

    /// Stops all, the last started first.
    pub async fn stop(&mut self) {
        for server in self.all() {
            server.stop().await;
        }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Process> {
        let Self { postgres, chain, indexer, gateway } = self;
        [gateway, indexer, chain, postgres].into_iter().flatten()
    }
}
