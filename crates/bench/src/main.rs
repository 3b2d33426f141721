#![doc = include_str!("../README.md")]

mod attacks;
mod chain;
mod coordination;
mod market;
mod methods;
mod report;
mod snapshot;
mod stream;
#[cfg(test)]
mod token;
#[cfg(test)]
mod worst;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Parser, Subcommand};
use serde::Serialize;

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
        /// Print what the call behind this figure burnt its gas for, receipt by receipt
        #[arg(long, value_name = "FIGURE")]
        profile: Option<String>,
        /// Accept the figures as the snapshot that the tests compare with
        #[arg(long)]
        update: bool,
    },
    /// Gas and compute per item of a large batch, worked off as agents do it
    Coordination {
        /// Items at least
        #[arg(long, default_value_t = 20_000)]
        items: u32,
    },
    /// What a stream of single requests costs, a batch each and appended to one; fails above 0.35 in gas or 0.05 in storage
    Stream {
        /// Requests
        #[arg(long, default_value_t = 1_000)]
        requests: u32,
    },
    /// What coalitions earn by attacks, and how often a wrong result is accepted; fails when a bound of ATTACKS.md breaks
    Attacks {
        /// Lots of each strategy whose figures are shown
        #[arg(long, default_value_t = 2_048)]
        lots: u32,
        /// Play a sample: default terms, 30 % of the tickets, 320 lots at most
        #[arg(long)]
        quick: bool,
        /// Seed of everything random
        #[arg(long, default_value_t = attacks::SEED)]
        seed: u64,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Before minutes of measuring, whose figures would be lost.
    if let Some(directory) = arguments.out.as_deref().and_then(Path::parent) {
        fs::create_dir_all(directory)?;
    }
    match arguments.command {
        Command::Gas { check, update, ref profile } => {
            let (gas, ran) = methods::measure(&arguments.contracts, profile.as_deref())?;
            let table = if profile.is_some() { report::profile(&ran) } else { report::table(&gas) };
            arguments.print(&gas, &table)?;
            if update {
                snapshot::write(&gas)?;
            }
            if check { report::check(&gas) } else { Ok(()) }
        }
        Command::Coordination { items } => {
            let figures = coordination::measure(&arguments.contracts, items)?;
            arguments.print(&figures, &figures.to_string())
        }
        Command::Stream { requests } => {
            let figures = stream::measure(&arguments.contracts, requests)?;
            arguments.print(&figures, &figures.to_string())?;
            figures.check()
        }
        Command::Attacks { lots, quick, seed } => {
            let figures = attacks::measure(attacks::Options { lots, quick, seed })?;
            arguments.print(&figures, &figures.to_string())?;
            figures.check()
        }
    }
}

impl Arguments {
    #[expect(clippy::print_stdout, reason = "the figures are the program's result")]
    fn print(&self, figures: &impl Serialize, table: &str) -> anyhow::Result<()> {
        let json = serde_json::to_string_pretty(figures)?;
        if let Some(path) = &self.out {
            fs::write(path, &json)?;
        }
        println!("{}", if self.json { &json } else { table });
        Ok(())
    }
}
