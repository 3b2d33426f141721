//! What a network is to be.

use piecework_interface::config::Config;

use crate::chain::Like;

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
    /// Address of the chain's RPC; port 0 takes a free one.
    pub rpc_listen: String,
    /// Address of the gateway; port 0 takes a free one.
    pub gateway_listen: String,
    /// Which network the chain behaves like; none in particular by default.
    pub like: Option<Like>,
}
