//! `piecework contract`: deploying, initializing and copying a coordinator.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use piecework_chain::{AccountId, TxRequest};
use piecework_client::calls;
use piecework_console::Problem;
use piecework_interface::{config::Config, host::sha256};
use piecework_stack::{
    launch::{CONFIG_FIELDS, on_this_chain},
    rehearsal::Snapshot,
};
use serde_json::json;

use crate::{
    context::{Context, execute},
    files,
};

/// Commands about the coordinator contract.
#[derive(Debug, Subcommand)]
pub enum ContractCommand {
    /// Deploy the coordinator on the signing account
    Deploy(DeployArgs),
    /// Set its owner and configuration, once
    Init(InitArgs),
    /// Copy its code, its whole state and what it holds at one block, for `piecework upgrade --rehearse`
    Snapshot(SnapshotArgs),
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

/// `contract snapshot`.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// New file
    #[arg(value_name = "FILE")]
    out: PathBuf,
}

/// Runs a command.
///
/// # Errors
/// If it does not succeed.
pub async fn run(context: &Context, command: ContractCommand) -> anyhow::Result<()> {
    match command {
        ContractCommand::Deploy(args) => {
            let wasm = files::read_wasm(&args.wasm)?;
            let bytes = wasm.len();
            let signer = context.signer().await?;
            let contract = signer.account_id().clone();
            execute(&signer, TxRequest::to(contract.clone()).deploy(wasm)).await?;
            let result = json!({ "contract": contract, "bytes": bytes });
            let next = "`piecework contract init`";
            context.output.result(&result, || format!("deployed {bytes} bytes on {contract}; next: {next}"))
        }
        ContractCommand::Snapshot(args) => {
            let contract = context.coordinator()?.account_id().clone();
            let snapshot = Snapshot::take(&context.rpc, &contract).await?;
            snapshot.write(&args.out)?;
            let Snapshot { block_height, block_hash, .. } = &snapshot;
            let (out, records) = (args.out.display(), snapshot.records.len());
            let result = json!({
                "contract": contract, "block_height": block_height, "block_hash": block_hash, "records": records,
                "code_sha256": hex::encode(sha256(&snapshot.code.0)),
            });
            context
                .output
                .result(&result, || format!("{out} has {contract} at block {block_height}: {records} records"))
        }
        ContractCommand::Init(args) => {
            let config = match &args.config {
                Some(path) => config_of(path)?,
                None => Config::default(),
            };
            let config = on_this_chain(&context.rpc, config).await?;
            let signer = context.signer().await?;
            let contract = context.network.contract.clone().unwrap_or_else(|| signer.account_id().clone());
            let owner = args.owner.unwrap_or_else(|| signer.account_id().clone());
            let request = TxRequest::to(contract.clone()).call(calls::new(owner.as_str(), &config));
            execute(&signer, request).await?;
            let result = json!({ "contract": contract, "owner_id": owner, "config": config });
            context.output.result(&result, || format!("{contract} is initialized; {owner} owns it"))
        }
    }
}

/// The defaults with the fields of a file.
fn config_of(path: &Path) -> anyhow::Result<Config> {
    let value = files::read_config(path, &Config::default())?;
    serde_json::from_value(value)
        .map_err(|error| Problem::new(format!("{} is no configuration: {error}", path.display()), CONFIG_FIELDS).into())
}
