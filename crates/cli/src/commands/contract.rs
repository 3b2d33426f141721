//! `piecework contract`: deploying and initializing a coordinator.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use piecework_chain::{AccountId, RpcClient, TxRequest};
use piecework_interface::config::Config;
use serde_json::json;

use super::{execute, token::read_wasm};
use crate::{context::Context, problem::Problem, requests};

/// Commands about the coordinator contract.
#[derive(Debug, Subcommand)]
pub enum ContractCommand {
    /// Deploy the coordinator on the signing account
    Deploy(DeployArgs),
    /// Set its owner and configuration, once
    Init(InitArgs),
}

/// `contract deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// Coordinator wasm, as `scripts/build-contracts` makes it
    #[arg(long, default_value = "target/contracts/piecework_coordinator.wasm", value_name = "FILE")]
    wasm: PathBuf,
}

/// `contract init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Owner [default: the signing account]
    #[arg(long, value_name = "ACCOUNT")]
    owner: Option<AccountId>,
    /// JSON file with configuration fields that differ from the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs a command.
///
/// # Errors
/// If it does not succeed.
pub async fn run(context: &Context, command: ContractCommand) -> anyhow::Result<()> {
    match command {
        ContractCommand::Deploy(args) => {
            let wasm = read_wasm(&args.wasm)?;
            let bytes = wasm.len();
            let signer = context.signer().await?;
            let contract = signer.account_id().clone();
            execute(&signer, TxRequest::to(contract.clone()).deploy(wasm)).await?;
            let result = json!({ "contract": contract, "bytes": bytes });
            context
                .output
                .result(&result, || format!("deployed {bytes} bytes on {contract}; next: `piecework contract init`"))
        }
        ContractCommand::Init(args) => {
            let config = args.config.map_or_else(|| Ok(Config::default()), |path| read_config(&path))?;
            let config = on_this_chain(&context.rpc, config).await?;
            let signer = context.signer().await?;
            let contract = context.network.contract.clone().unwrap_or_else(|| signer.account_id().clone());
            let owner = args.owner.unwrap_or_else(|| signer.account_id().clone());
            let request = requests::add_contract_init(TxRequest::to(contract.clone()), &owner, &config)?;
            execute(&signer, request).await?;
            let result = json!({ "contract": contract, "owner_id": owner, "config": config });
            context.output.result(&result, || format!("{contract} is initialized; {owner} owns it"))
        }
    }
}

/// The configuration with the chain's id, without which the coordinator executes no signed intent.
pub(crate) async fn on_this_chain(rpc: &RpcClient, config: Config) -> anyhow::Result<Config> {
    let found = rpc.status().await?.chain_id;
    if !config.chain_id.is_empty() && config.chain_id != found {
        return Err(Problem::new(
            format!("the configuration is for the chain {}, and this is {found}", config.chain_id),
            "leave chain_id out of it, or choose the other network",
        )
        .into());
    }
    Ok(Config { chain_id: found, ..config })
}

fn read_config(path: &std::path::Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let fields: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| bad_config(path, &error.to_string()))?;
    let known = serde_json::to_value(Config::default())?;
    let unknown = |key: &&String| known.get(key.as_str()).is_none();
    if let Some(key) = fields.as_object().and_then(|fields| fields.keys().find(unknown)) {
        return Err(bad_config(path, &format!("there is no field `{key}`")).into());
    }
    Ok(serde_json::from_str(&text).map_err(|error| bad_config(path, &error.to_string()))?)
}

fn bad_config(path: &std::path::Path, why: &str) -> Problem {
    let known = serde_json::to_string(&Config::default()).unwrap_or_default();
    Problem::new(
        format!("{} is not a configuration: {why}", path.display()),
        format!("its fields and defaults are {known}"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(non_snake_case)]
    use super::*;

    fn read(text: &str) -> anyhow::Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        std::fs::write(&path, text).unwrap();
        read_config(&path)
    }

    #[test]
    fn config__should_take_defaults_for_fields_left_out() {
        let config = read("{\"grace_s\":1}").unwrap();
        assert_eq!(config, Config { grace_s: 1, ..Config::default() });
    }

    #[test]
    fn config__should_refuse_unknown_fields_and_malformed_json() {
        for (text, expected) in [("{\"grace\":1}", "no field `grace`"), ("{", "EOF")] {
            let error = read(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
