//! The command line: global options and the tree of commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use piecework_chain::AccountId;

use crate::{
    commands::{account, batch, contract, epoch, govern, intent, node, token, up},
    demo,
};

/// The requester's and administrator's command of Piecework, a staked market for small units of work on NEAR.
#[derive(Debug, Parser)]
#[command(name = "piecework", version, max_term_width = 110, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

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

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a local network: chain, Postgres, indexer, gateway, contracts and accounts; Ctrl-C stops it
    Up(up::UpArgs),
    /// Post batches of work and collect their results
    #[command(subcommand)]
    Batch(batch::BatchCommand),
    /// Open an account with the coordinator, move its balances
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Register a node, move its stake, give its machines keys
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// Reward tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Deploy the coordinator
    #[command(subcommand)]
    Contract(contract::ContractCommand),
    /// Who may change what; changes that wait; pauses
    #[command(subcommand)]
    Govern(govern::GovernCommand),
    /// Epochs, which bring fees to nodes and the treasury
    #[command(subcommand)]
    Epoch(epoch::EpochCommand),
    /// Ask by a signature that anybody relays, instead of a transaction (NEP-413)
    #[command(subcommand)]
    Intent(intent::IntentCommand),
    /// The whole product on real data, from escrow to payout
    #[command(hide = true)]
    Demo(demo::DemoArgs),
}

#[cfg(test)]
mod tests {
    #![allow(non_snake_case)]
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn cli__should_be_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn cli__should_name_a_bad_account() {
        let error = Cli::try_parse_from(["piecework", "--account", "Not An Account", "batch", "list"]).unwrap_err();
        assert!(error.to_string().contains("--account"), "{error}");
    }
}
