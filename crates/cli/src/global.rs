//! The options of every command.

use std::path::PathBuf;

use clap::Args;
use piecework_chain::AccountId;

/// What every command understands.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// localnet, testnet, mainnet, or a TOML file with name, rpc_urls, contract, gateway_url
    #[arg(long, short = 'n', global = true, env = "PIECEWORK_NETWORK", default_value = "localnet")]
    pub(crate) network: String,
    /// RPC endpoints, preferred first, instead of the network's
    #[arg(long = "rpc-url", global = true, env = "PIECEWORK_RPC_URL", value_delimiter = ',', value_name = "URL")]
    pub(crate) rpc_urls: Vec<String>,
    /// Coordinator contract, instead of the network's
    #[arg(long, global = true, env = "PIECEWORK_CONTRACT", value_name = "ACCOUNT")]
    pub(crate) contract: Option<AccountId>,
    /// Gateway, instead of the network's
    #[arg(long, global = true, env = "PIECEWORK_GATEWAY_URL", value_name = "URL")]
    pub(crate) gateway_url: Option<String>,
    /// Account that signs, with a key of near-cli in ~/.near-credentials
    #[arg(long, global = true, env = "PIECEWORK_ACCOUNT", value_name = "ACCOUNT")]
    pub(crate) account: Option<AccountId>,
    /// Key file of the account that signs: JSON with account_id, public_key, private_key
    #[arg(long, global = true, env = "PIECEWORK_KEY_FILE", value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Print results as JSON, one value a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but results and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}
