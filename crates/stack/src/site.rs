//! What the servers of a network work with.

use piecework_chain::Network;

use crate::{layout::Layout, programs::Programs};

/// A network's files, programs, endpoints and database.
#[derive(Clone, Debug)]
pub struct Site {
    /// Files.
    pub layout: Layout,
    /// Programs.
    pub programs: Programs,
    /// Endpoints and contract; the gateway once it runs.
    pub network: Network,
    /// Connection string of the mirror's database.
    pub database_url: String,
}

impl Site {
    /// The coordinator's account; empty before it is deployed.
    #[must_use]
    pub fn contract(&self) -> &str {
        self.network.contract.as_ref().map_or("", |contract| contract.as_str())
    }

    /// The gateway's URL; empty before it runs.
    #[must_use]
    pub fn gateway_url(&self) -> &str {
        self.network.gateway_url.as_deref().unwrap_or_default()
    }

    /// How a program of ours finds mirror, chain and contract.
    pub(crate) fn environment(&self) -> [(&'static str, String); 3] {
        [
            ("DATABASE_URL", self.database_url.clone()),
            ("PIECEWORK_RPC_URL", self.network.rpc_urls.join(",")),
            ("PIECEWORK_CONTRACT", self.contract().to_owned()),
        ]
    }
}
