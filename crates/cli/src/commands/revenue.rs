//! `piecework revenue`: what the treasury's fees give to whom by a policy, and paying it.

mod accrue;
mod policy;
mod read;
mod settle;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use piecework_api::{Page, Token, client::Client};
use piecework_console::{Problem, amount::format_units};
use piecework_interface::ids::TokenId;
use piecework_revenue::Policy;

use crate::{context::Context, files};

/// Commands about revenue.
#[derive(Debug, Subcommand)]
pub enum RevenueCommand {
    /// Check a policy and print it with its digest, or write a first one
    Policy(policy::PolicyArgs),
    /// Show what the fees of an epoch give to whom, on any day, from the gateway alone
    Accrue(accrue::AccrueArgs),
    /// Pay a finished epoch from the treasury's balance by signed transfers; what is paid already is not paid again
    Settle(settle::SettleArgs),
}

/// Runs a command.
///
/// # Errors
/// If it does not succeed.
pub async fn run(context: &Context, command: RevenueCommand) -> anyhow::Result<()> {
    match command {
        RevenueCommand::Policy(args) => policy::run(context, args).await,
        RevenueCommand::Accrue(args) => accrue::run(context, args).await,
        RevenueCommand::Settle(args) => settle::run(context, args).await,
    }
}

/// The policy of a file.
fn load(path: &Path) -> anyhow::Result<Policy> {
    let text = files::read_text(path, "write one with `piecework revenue policy FILE --init --treasury ACCOUNT`")?;
    Ok(Policy::parse(&text).map_err(|error| {
        let what = format!("{} is no policy: {error}", path.display());
        Problem::new(
            what,
            "correct the file; `piecework revenue policy FILE --init` writes one with a comment on each field",
        )
    })?)
}

/// Where a policy is, unless it is said.
const FILE: &str = "revenue.toml";

/// `--policy`.
#[derive(Debug, clap::Args)]
struct PolicyFile {
    /// File with the policy
    #[arg(long, value_name = "FILE", default_value = FILE)]
    policy: PathBuf,
}

/// Tokens as people read them, as far as the gateway knows.
struct Symbols(Vec<Token>);

impl Symbols {
    async fn read(gateway: &Client) -> anyhow::Result<Self> {
        let page: Option<Page<Token>> = gateway.get("/v1/tokens?limit=200").await?;
        Ok(Self(page.map(|page| page.items).unwrap_or_default()))
    }

    fn show(&self, token: TokenId, units: u128) -> String {
        let known = self.0.iter().find(|known| known.row.token == token);
        match known.and_then(|known| known.symbol.as_ref().zip(known.decimals)) {
            Some((symbol, decimals)) => format!("{} {symbol}", format_units(units, decimals)),
            None => format!("{units} units of token {token}"),
        }
    }
}
