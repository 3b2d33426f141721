//! The command line.

use std::path::PathBuf;

use clap::Parser;
use piecework_stack::Like;

/// The whole product on real data, from escrow to payout, with every claim checked
#[derive(Debug, Parser)]
#[command(name = "piecework-demo", version, max_term_width = 110)]
pub struct DemoArgs {
    /// Leave everything running at the end, until Ctrl-C, and print URLs, accounts and next commands
    #[arg(long)]
    pub keep: bool,
    /// Directory of the run [default: a new one in .piecework]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Postgres to mirror into (an empty database), instead of a private one
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Let the chain behave like a public network
    #[arg(long, value_name = "NETWORK")]
    pub like: Option<Like>,
    /// End with one JSON line on stdout
    #[arg(long)]
    pub json: bool,
    /// Print nothing but the result and errors
    #[arg(long, short)]
    pub quiet: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn args__should_be_consistent() {
        DemoArgs::command().debug_assert();
    }
}
