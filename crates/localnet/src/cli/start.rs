//! A chain with funded accounts, without further questions.

use std::{path::PathBuf, time::Instant};

use anyhow::Context;
use clap::Args;
use near_primitives::types::{AccountId, Balance};

use super::{banner, begin, options::ChainOptions, until_stopped};
use crate::{
    home::{self, Accounts, InitOptions},
    localnet::{Config, Localnet},
};

/// The name of the chain and its root account, as sandboxes have them.
const CHAIN_ID: &str = "localnet";
const ROOT_ID: &str = "test.near";

/// Options without a command.
#[derive(Args, Debug)]
pub struct Start {
    /// Funded accounts of a new chain.
    #[arg(long, default_value_t = 10)]
    accounts: usize,
    /// What each of them has, in NEAR.
    #[arg(long, default_value_t = 10_000)]
    balance: u64,
    /// Print accounts and URLs as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    options: ChainOptions,
}

/// Starts a chain in `dir`, new if there is none yet, or one that is gone when it stops.
pub async fn start(dir: Option<PathBuf>, start: Start) -> anyhow::Result<()> {
    let begun = Instant::now();
    let throw_away = match &dir {
        Some(_) => None,
        None => Some(tempfile::tempdir().context("cannot make a temporary directory; pass --home")?),
    };
    let kept = dir.is_some();
    let dir = dir.or_else(|| throw_away.as_ref().map(|dir| dir.path().to_owned())).unwrap_or_default();
    if !dir.join("genesis.json").exists() {
        let account_id: AccountId = ROOT_ID.parse().context("root account")?;
        let balance = Balance::from_near(start.balance.into());
        let accounts = Some(Accounts { count: start.accounts, balance });
        let chain_id = Some(CHAIN_ID.to_owned());
        let genesis = start.options.genesis.change();
        let options = InitOptions { chain_id, account_id, test_seed: None, fast: true, accounts, genesis };
        home::init(&dir, &options).context("cannot make the chain's directory")?;
    }
    let mut home = home::load(&dir)?;
    let accounts = home::well_known_accounts(&home.validator.account_id, home.config.localnet.accounts);
    let settings = begin(&mut home, &start.options)?;
    let (cadence, like) = (settings.cadence, start.options.genesis.like);
    let mut config = Config::from_home(home, cadence).with(settings);
    start.options.apply(&mut config);
    let localnet = Localnet::start(config).await?;
    let report = banner::Report {
        localnet: &localnet,
        accounts: &accounts,
        cadence,
        like,
        home: kept.then_some(dir.as_path()),
        took: begun.elapsed(),
    };
    if start.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.text());
    }
    until_stopped(localnet).await
}
