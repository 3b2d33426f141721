//! The indexer's process.

use std::process::ExitCode;

use clap::Parser as _;
use piecework_indexer::{command::execute, config::Config};

fn main() -> anyhow::Result<ExitCode> {
    execute(Config::parse())
}
