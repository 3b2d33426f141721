//! The command line: the tree of commands.

use clap::{Parser, Subcommand};

use crate::{
    commands::{account, batch, class, contract, deploy, govern, intent, node, operator, revenue, token, up, upgrade},
    global::GlobalArgs,
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

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a local network: chain, Postgres, indexer, gateway, contracts and accounts; Ctrl-C stops it
    Up(up::UpArgs),
    /// Post batches of work and collect their results
    #[command(subcommand)]
    Batch(batch::BatchCommand),
    /// Ask the contract whether a batch's answers settled, check its opened gold, and say who missed it; as `batch verify`
    Verify(batch::VerifyArgs),
    /// Open an account with the coordinator, move its balances
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Register a node, move its stake, give its machines keys
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// Stand behind nodes that named the signing account as their operator
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// Kinds of work that nodes declare
    #[command(subcommand)]
    Class(class::ClassCommand),
    /// Reward tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Launch a market by a plan: contract, tokens with a test withdrawal, first class, roles, waits; it goes on where it stopped
    Deploy(deploy::DeployArgs),
    /// Replace the coordinator's code: rehearse on a copy of its state, propose, apply once its time has come
    Upgrade(upgrade::UpgradeArgs),
    /// Parts of a launch by hand, and a copy of a contract's state
    #[command(subcommand)]
    Contract(contract::ContractCommand),
    /// Who may change what; changes that wait; pauses
    #[command(subcommand)]
    Govern(govern::GovernCommand),
    /// Pay another account out of the balance, with a word to it: signed and sent at once
    ///
    /// The key must be an access key of the account, and be allowed to sign transfers for it:
    /// `piecework intent key-add PUBLIC_KEY --kinds transfer --daily-cap AMOUNT`. The receiver must be registered.
    Tip(intent::PayArgs),
    /// Ask by a signature that anybody relays, instead of a transaction (NEP-413)
    #[command(subcommand)]
    Intent(intent::IntentCommand),
    /// What the treasury's fees give to nodes, referrers and a reserve by a policy; recomputed from any gateway, paid once
    #[command(subcommand)]
    Revenue(revenue::RevenueCommand),
}

#[cfg(test)]
mod tests {
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
