#![doc = include_str!("../README.md")]

mod chain;
mod market;
mod methods;
mod report;
mod snapshot;

use std::{fs, path::PathBuf};

use clap::{Parser, Subcommand};

/// Figures of the contracts, on NEAR's own virtual machine.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Where the contracts' wasm files are
    #[arg(long, global = true, default_value = "target/contracts")]
    contracts: PathBuf,
    /// Also write the figures to this file, as JSON
    #[arg(long, global = true, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Gas, compute, receipts and storage of every method
    Gas {
        /// Fail when a figure is above its target
        #[arg(long)]
        check: bool,
        /// Accept the figures as the snapshot that the tests compare with
        #[arg(long)]
        update: bool,
    },
}

#[expect(clippy::print_stdout, reason = "the figures are the program's result")]
fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let Command::Gas { check, update } = arguments.command;
    let gas = methods::measure(&arguments.contracts)?;
    let json = serde_json::to_string_pretty(&gas)?;
    if let Some(path) = &arguments.out {
        fs::write(path, &json)?;
    }
    println!("{}", if arguments.json { json } else { report::table(&gas) });
    if update {
        snapshot::write(&gas)?;
    }
    if check { report::check(&gas) } else { Ok(()) }
}
