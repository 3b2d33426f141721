//! What owners of accounts do, by the `piecework` command.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

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
    /// Where its gold is kept.
    pub gold: Option<PathBuf>,
}

/// Gold that `piecework batch open-gold` opened.
#[derive(Debug, Deserialize)]
pub struct OpenedGold {
    /// Leaves under the root.
    pub leaves: u32,
    pub items: Vec<OpenedItem>,
}

/// An item of opened gold.
#[derive(Debug, Deserialize)]
pub struct OpenedItem {
    pub item: u32,
    /// Account ids of the nodes that gave another answer.
    pub missed: Vec<String>,
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

/// Opens all gold of a batch.
///
/// # Errors
/// As [`create`].
pub async fn open_gold(site: &Site, key_file: &Path, batch: BatchId, gold: &Path) -> anyhow::Result<OpenedGold> {
    let gold = gold.display().to_string();
    run(site, key_file, &["batch", "open-gold", &batch.to_string(), "--gold", &gold].map(str::to_owned)).await
}

/// Cancels a batch.
///
/// # Errors
/// As [`create`].
pub async fn cancel(site: &Site, key_file: &Path, batch: BatchId) -> anyhow::Result<Value> {
    run(site, key_file, &["batch".to_owned(), "cancel".to_owned(), batch.to_string()]).await
}

/// Challenges these items of a batch's first lot, with tokens that are deposited for it.
///
/// # Errors
/// As [`create`].
pub async fn challenge(site: &Site, key_file: &Path, batch: BatchId, items: &[usize]) -> anyhow::Result<Value> {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    let args = ["batch", "challenge", &batch.to_string(), "0", "--items", &items.join(",")].map(str::to_owned);
    run(site, key_file, &args).await
}

/// Credits reward tokens to an account's internal balance.
///
/// # Errors
/// As [`create`].
pub async fn deposit(site: &Site, key_file: &Path, amount: &str) -> anyhow::Result<Value> {
    run(site, key_file, &["account", "deposit", amount].map(str::to_owned)).await
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
