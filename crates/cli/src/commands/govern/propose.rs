//! `piecework govern propose`: changes that are checked before anybody waits for them.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use piecework_client::calls;
use piecework_console::{
    Problem,
    amount::{Decimal, bond_rate},
};
use piecework_interface::{
    amount::Amount,
    config::Config,
    event::Entry,
    governance::{Change, Prices},
    host::sha256,
};
use piecework_stack::launch::CONFIG_FIELDS;
use serde_json::{Value, json};

use super::{By, governor};
use crate::{
    commands::{date, entries},
    context::Context,
    files, tokens,
};

/// What can be proposed.
#[derive(Debug, Subcommand)]
pub enum ProposeCommand {
    /// Other values of the configuration; what is left out stays (owner)
    Config(ConfigArgs),
    /// Other prices of a token, for batches created later (owner or token admin)
    Prices(PricesArgs),
    /// Code of the coordinator (owner)
    Code(CodeArgs),
}

/// `govern propose config`.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct ConfigArgs {
    // As an argument: rustdoc would take the brackets for a link.
    #[arg(
        long,
        value_name = "FIELD=VALUE",
        help = "A field, such as fee_bps=300 or bounds.slice_s=[2,3600]; again for more"
    )]
    set: Vec<String>,
    /// JSON file with the fields that change
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// `govern propose prices`.
#[derive(Debug, Args)]
pub struct PricesArgs {
    /// Token: account or number [default: the only listed one]
    #[arg(long)]
    token: Option<String>,
    /// Least reward per item [default: as it is]
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    min_reward: Option<Decimal>,
    /// Fee of one lot that earns a full step of reputation [default: as it is]
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    rep_unit: Option<Decimal>,
    /// NEAR that a node bonds per whole token of reward at stake [default: as it is]
    #[arg(long, value_name = "NEAR", allow_negative_numbers = true)]
    bond_per_token: Option<Decimal>,
}

/// `govern propose code`.
#[derive(Debug, Args)]
pub struct CodeArgs {
    /// Coordinator wasm, as `scripts/build-contracts` makes it
    #[arg(default_value = "target/contracts/piecework_coordinator.wasm", value_name = "FILE")]
    wasm: PathBuf,
}

pub(super) async fn run(context: &Context, command: ProposeCommand) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let (by, change) = match command {
        ProposeCommand::Config(args) => (By::Owner, Change::Config(config(coordinator.config().await?, &args)?)),
        ProposeCommand::Prices(args) => (By::TokenAdmin, Change::Prices(prices(context, &args).await?)),
        ProposeCommand::Code(args) => (By::Owner, Change::Code(sha256(&files::read_wasm(&args.wasm)?))),
    };
    let signer = governor(context, by).await?;
    let outcome = context.call(&signer, calls::propose(&change)).await?;
    let found = entries(&outcome)?.into_iter().find_map(|entry| match entry {
        Entry::Proposed { number, ready_at, .. } => Some((number, ready_at)),
        _ => None,
    });
    let (number, ready_at) = found.context("the coordinator did not journal the proposal")?;
    let result = json!({ "number": number, "ready_at": ready_at, "change": change });
    context.output.result(&result, || {
        let ready = date(ready_at);
        format!("proposal {number} may be applied from {ready} on: `piecework govern apply {number} --wait`")
    })
}

/// The configuration with the fields that were named, if it could hold.
fn config(current: Config, args: &ConfigArgs) -> anyhow::Result<Config> {
    let mut value = match &args.file {
        Some(path) => files::read_config(path, &current)?,
        None => serde_json::to_value(&current)?,
    };
    for pair in &args.set {
        let (name, text) = pair
            .split_once('=')
            .ok_or_else(|| Problem::new(format!("--set {pair} has no `=`"), "write it as --set fee_bps=300"))?;
        let pointer = format!("/{}", name.replace('.', "/"));
        let field = value
            .pointer_mut(&pointer)
            .ok_or_else(|| Problem::new(format!("the configuration has no field {name}"), CONFIG_FIELDS))?;
        // Amounts are strings in JSON; people write digits.
        *field = if field.is_string() {
            Value::String(text.trim_matches('"').to_owned())
        } else {
            serde_json::from_str(text).map_err(|_| {
                Problem::new(format!("{name}={text} is not a value of its kind"), format!("it is {field} now"))
            })?
        };
    }
    let next: Config = serde_json::from_value(value)
        .map_err(|error| Problem::new(format!("the configuration cannot be read: {error}"), CONFIG_FIELDS))?;
    next.check().map_err(|why| Problem::new(format!("the configuration cannot hold: {why}"), CONFIG_FIELDS))?;
    if !current.may_become(&next) {
        bail!(Problem::new("chain_id never changes once it is set", "leave it out"));
    }
    if current == next {
        bail!(Problem::new("nothing of the configuration would change", CONFIG_FIELDS));
    }
    Ok(next)
}

async fn prices(context: &Context, args: &PricesArgs) -> anyhow::Result<Prices> {
    let token = tokens::resolve(context, args.token.as_deref()).await?;
    let listed = &token.listed;
    let units = |amount: &Option<Decimal>, now: Amount| match amount {
        Some(amount) => token.units(amount).map(Amount),
        None => Ok(now),
    };
    let rate = match &args.bond_per_token {
        Some(amount) => Amount(bond_rate(amount.to_yoctonear()?, token.decimals).ok_or_else(|| {
            Problem::new(format!("--bond-per-token {amount} is more than a bond rate can hold"), "pass a smaller one")
        })?),
        None => listed.bond_rate,
    };
    let prices = Prices {
        token: token.id(),
        min_reward: units(&args.min_reward, listed.min_reward)?,
        rep_unit: units(&args.rep_unit, listed.rep_unit)?,
        bond_rate: rate,
    };
    if !prices.are_possible() {
        bail!(Problem::new("a price is 0", "pass amounts above 0"));
    }
    if (prices.min_reward, prices.rep_unit, prices.bond_rate) == (listed.min_reward, listed.rep_unit, listed.bond_rate)
    {
        bail!(Problem::new(
            format!("no price of {} would change", token.symbol),
            "pass --min-reward, --rep-unit or --bond-per-token",
        ));
    }
    Ok(prices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[&str]) -> anyhow::Result<Config> {
        let set = pairs.iter().map(|pair| (*pair).to_owned()).collect();
        config(Config { chain_id: "test".to_owned(), ..Config::default() }, &ConfigArgs { set, file: None })
    }

    #[test]
    fn config__should_take_numbers_amounts_and_nested_fields() {
        let config = set(&["fee_bps=300", "min_stake=5000000000000000000000000", "bounds.slice_s=[2,9]"]).unwrap();
        assert_eq!(
            (config.fee_bps, config.min_stake, config.bounds.slice_s),
            (300, Amount(5 * 10_u128.pow(24)), (2, 9))
        );
        assert_eq!(config.grace_s, Config::default().grace_s);
    }

    #[test]
    fn config__should_name_what_cannot_be() {
        for (pair, what) in [
            ("fee_bps", "has no `=`"),
            ("fee=1", "no field fee"),
            ("bounds.slice=1", "no field bounds.slice"),
            ("fee_bps=much", "is not a value of its kind"),
            ("fee_bps=70000", "cannot be read"),
            ("fee_bps=10001", "cannot hold"),
            ("fee_bps=200", "nothing of the configuration would change"),
            ("chain_id=main", "chain_id never changes"),
        ] {
            let error = set(&[pair]).unwrap_err().to_string();
            assert!(error.contains(what), "{pair}: {error}");
        }
    }
}
