//! The `piecework` command, run as a person runs it who has the keys of a market's accounts.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use anyhow::{Context, Result, ensure};
use near_workspaces::Account;
use piecework_chain::{KeyFile, Network};
use piecework_stack::{Layout, Programs};
use serde_json::Value;

use crate::{Finality, Market, programs::programs};

/// The command, with a network file, keys and a directory of its own. It believes final blocks only, so it runs once all
/// that the market did before is in one.
pub struct Piecework {
    programs: Programs,
    finality: Finality,
    layout: Layout,
    dir: tempfile::TempDir,
}

/// What a command that failed says.
#[derive(Debug)]
pub struct Refusal {
    /// What is wrong.
    pub error: String,
    /// What to do.
    pub fix: String,
}

impl Piecework {
    /// The command on a market's network, with its gateway if `network` names one.
    ///
    /// # Errors
    /// The program is missing, or its files cannot be written.
    pub fn on(market: &Market, network: &Network) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let layout = Layout::create(dir.path())?;
        layout.write_network(network)?;
        Ok(Self { programs: programs()?, finality: market.finality.clone(), layout, dir })
    }

    /// Where it runs: relative paths of arguments begin here.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file into its directory.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.dir().join(name), text).with_context(|| format!("{name} cannot be written"))
    }

    /// The key file of an account, which all commands sign with.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn key_file(&self, account: &Account) -> Result<PathBuf> {
        let path = self.layout.key(account.id().as_str());
        if !path.exists() {
            KeyFile::from_secret(account.id().clone(), account.secret_key().to_string().parse()?).write(&path)?;
        }
        Ok(path)
    }

    /// Makes another key of an account, in a file of this name: its public half.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new_key(&self, account: &Account, name: &str) -> Result<String> {
        let key = KeyFile::generate(account.id().clone());
        key.write(self.dir().join(name))?;
        Ok(key.public_key.to_string())
    }

    /// Runs a command with a key file.
    ///
    /// # Errors
    /// It cannot be run.
    pub async fn run(&self, key_file: impl AsRef<Path>, args: &[&str]) -> Result<Output> {
        self.finality.catch_up().await?;
        let mut command = self.programs.piecework_command(&self.layout, key_file.as_ref());
        Ok(command.args(args).current_dir(self.dir()).output().await?)
    }

    /// The values that a command of an account's prints, one a line.
    ///
    /// # Errors
    /// It fails.
    pub async fn values(&self, account: &Account, args: &[&str]) -> Result<Vec<Value>> {
        values(&self.run(self.key_file(account)?, args).await?, args)
    }

    /// The last of these values.
    ///
    /// # Errors
    /// The command fails or prints none.
    pub async fn value(&self, account: &Account, args: &[&str]) -> Result<Value> {
        self.value_by(self.key_file(account)?, args).await
    }

    /// The same with a key file.
    ///
    /// # Errors
    /// As [`Piecework::value`].
    pub async fn value_by(&self, key_file: impl AsRef<Path>, args: &[&str]) -> Result<Value> {
        let output = self.run(key_file, args).await?;
        values(&output, args)?.pop().with_context(|| format!("{args:?} prints nothing"))
    }

    /// What a command of an account's says that must fail.
    ///
    /// # Errors
    /// It does not, or not with an error and its fix.
    pub async fn refusal(&self, account: &Account, args: &[&str]) -> Result<Refusal> {
        self.refusal_by(self.key_file(account)?, args).await
    }

    /// The same with a key file.
    ///
    /// # Errors
    /// As [`Piecework::refusal`].
    pub async fn refusal_by(&self, key_file: impl AsRef<Path>, args: &[&str]) -> Result<Refusal> {
        let output = self.run(key_file, args).await?;
        ensure!(output.status.code() == Some(1), "{args:?}: {output:?}");
        let text = String::from_utf8(output.stderr)?;
        let said: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).context(text)?;
        let part = |name: &str| said[name].as_str().map(str::to_owned).with_context(|| format!("no {name}: {said}"));
        Ok(Refusal { error: part("error")?, fix: part("fix")? })
    }
}

fn values(output: &Output, args: &[&str]) -> Result<Vec<Value>> {
    ensure!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let values: Result<_, _> = text.lines().map(serde_json::from_str).collect();
    values.with_context(|| format!("{args:?}: {text}"))
}
