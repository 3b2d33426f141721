//! What owners of accounts do, by the `piecework` command.

use std::{path::Path, process::Stdio};

use anyhow::Context as _;
use piecework_interface::{amount::Amount, ids::BatchId};
use piecework_stack::Site;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// A batch that `piecework batch create` made.
#[derive(Debug, Deserialize)]
pub struct Created {
    pub batch: BatchId,
    pub items: u32,
    pub lots: u32,
    /// Locked at most, in units of the token.
    pub escrow: Amount,
}

/// Posts a file of items.
///
/// # Errors
/// If the command does not succeed.
pub async fn create(site: &Site, key_file: &Path, from: &Path, options: &[(&str, &str)]) -> anyhow::Result<Created> {
    let from = from.display().to_string();
    let mut args = vec!["batch".to_owned(), "create".to_owned(), "--from".to_owned(), from];
    args.extend(options.iter().map(|(name, value)| format!("--{name}={value}")));
    run(site, key_file, &args).await
}

/// Withdraws the reward tokens of an account.
///
/// # Errors
/// As [`create`].
pub async fn withdraw(site: &Site, key_file: &Path) -> anyhow::Result<Value> {
    run(site, key_file, &["account".to_owned(), "withdraw".to_owned()]).await
}

/// Runs a command and reads its result. What it says beside that goes to stderr, its error included.
async fn run<R: DeserializeOwned>(site: &Site, key_file: &Path, args: &[String]) -> anyhow::Result<R> {
    let output = site.programs.piecework_command(&site.layout, key_file).args(args).stderr(Stdio::inherit()).output();
    let output = output.await.with_context(|| format!("{} cannot be run", site.programs.piecework.display()))?;
    let what = || format!("`piecework {}` ({})", args.join(" "), output.status);
    anyhow::ensure!(output.status.success(), "{} fails", what());
    serde_json::from_slice(&output.stdout).with_context(|| format!("{} answers in another form", what()))
}
