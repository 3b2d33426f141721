//! The command line.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use piecework_daemon::{LogFormat, log_from};

use crate::{
    commands::{check, init, status},
    config::{Config, Overrides},
    run,
};

/// Runs a Piecework node: claims lots, does the work, commits, reveals, is paid.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub struct Cli {
    /// Configuration file.
    #[arg(
        long,
        env = "PIECEWORK_AGENT_CONFIG",
        global = true,
        default_value = "piecework-agent.toml",
        value_name = "FILE"
    )]
    config: PathBuf,
    /// Answer in JSON on standard output.
    #[arg(long, global = true)]
    json: bool,
    /// Form of the log on standard error; RUST_LOG chooses what is logged.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(flatten)]
    overrides: Overrides,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Work until SIGTERM or SIGINT; a second one ends at once.
    Run,
    /// Show slots, earnings, reputation, last failures and why there is no work.
    Status,
    /// Check everything that `run` needs; exit code 1 if anything is wrong.
    Check,
    /// Write a configuration file.
    Init(init::Args),
}

/// Parses the command line, sets up the log and runs the command. Returns whether all is well.
///
/// # Errors
/// If the command cannot do its work.
pub async fn main() -> Result<bool> {
    let cli = Cli::parse();
    // What a command finds is its answer; only the daemon tells its work as it goes.
    log_from(cli.log_format, if matches!(cli.command, Command::Run) { "info" } else { "warn" });
    let load = || Config::load(&cli.config, &cli.overrides);
    match &cli.command {
        Command::Init(args) => init::init(&cli.config, args, &cli.overrides).map(|()| true),
        Command::Run => Box::pin(run::run(load()?)).await.map(|()| true),
        Command::Status => Box::pin(status::status(&load()?, cli.json)).await.map(|()| true),
        Command::Check => Box::pin(check::check(&load()?, cli.json)).await,
    }
}
