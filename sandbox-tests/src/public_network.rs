//! A chain with the habits of a public network, as `piecework-localnet --like mainnet` has them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use near_workspaces::{
    AccountId, Worker,
    network::{Sandbox, ValidatorKey},
    types::SecretKey,
};
use piecework_chain::{RpcClient, RpcConfig};
use piecework_stack::{Layout, Process, Spec, command};
use serde::Deserialize;
use tempfile::TempDir;

use crate::programs::programs;

/// The files of a node with two endpoints behind one address, and its process until it is stopped or dropped.
pub struct PublicNetwork {
    program: PathBuf,
    layout: Layout,
    process: Option<Process>,
    /// Host and port; the port is 0 until the node ran.
    address: String,
    _dir: TempDir,
}

#[derive(Deserialize)]
struct RootKey {
    account_id: AccountId,
    secret_key: SecretKey,
}

impl PublicNetwork {
    /// A new chain of this name. Each option replaces one value of the profile.
    ///
    /// # Errors
    /// The program is missing, or does not run.
    pub async fn start(chain_id: &str, options: &[&str]) -> Result<Self> {
        let mut network = Self::empty(&programs()?.agent.with_file_name("piecework-localnet"))?;
        let mut init = command(&network.program);
        init.arg("--home").arg(network.layout.chain());
        init.args(["init", "--fast", "--like", "mainnet", "--chain-id", chain_id]);
        let made = init.output().await.with_context(|| format!("{} cannot be run", network.program.display()))?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        network.run(options).await?;
        Ok(network)
    }

    fn empty(program: &Path) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("piecework-network-").tempdir()?;
        let layout = Layout::create(dir.path())?;
        let address = "127.0.0.1:0".to_owned();
        Ok(Self { program: program.to_owned(), layout, process: None, address, _dir: dir })
    }

    /// Runs the node that was stopped, at the address that it had.
    ///
    /// # Errors
    /// It does not run.
    pub async fn run(&mut self, options: &[&str]) -> Result<()> {
        let spec = Spec::new("chain", &self.program).arg("--home").arg(self.layout.chain());
        let spec = spec.args(["run", "--like", "mainnet", "--rpc-addr", &self.address]).args(options);
        let url = Process::start(&mut self.process, &self.layout, spec).await?;
        self.address = url.trim_start_matches("http://").to_owned();
        Ok(())
    }

    /// Stops the node.
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop().await;
        }
    }

    /// A node with what this one has on disk, which does not run yet: a fork of the chain once both make blocks.
    ///
    /// # Errors
    /// The files cannot be copied.
    pub fn copy(&self) -> Result<Self> {
        let copy = Self::empty(&self.program)?;
        copy_directory(&self.layout.chain(), &copy.layout.chain())?;
        Ok(copy)
    }

    /// The address of both endpoints.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of both endpoints.
    ///
    /// # Errors
    /// There is none for the address.
    pub fn rpc(&self) -> Result<RpcClient> {
        Ok(RpcClient::new(RpcConfig::new([self.url()]))?)
    }

    /// The chain as near-workspaces sees it, with the root account's key.
    pub(crate) async fn worker(&self) -> Result<Worker<Sandbox>> {
        let text = fs::read(self.layout.chain().join("validator_key.json"))?;
        let RootKey { account_id, secret_key } = serde_json::from_slice(&text)?;
        let key = ValidatorKey::Known(account_id, secret_key);
        Ok(near_workspaces::sandbox().rpc_addr(&self.url()).validator_key(key).await?)
    }
}

fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
