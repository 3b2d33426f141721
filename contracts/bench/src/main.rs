#![doc = include_str!("../README.md")]

mod chain;
mod life;
mod report;

use std::path::PathBuf;

use clap::Parser;

/// Gas and compute of every call of the coordinator.
#[derive(Parser)]
struct Arguments {
    /// Where the contracts' wasm files are.
    #[arg(long, default_value = "target/contracts")]
    contracts: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Fail when a figure is above its target.
    #[arg(long)]
    check: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let figures = life::measure(&arguments.contracts)?;
    if arguments.json {
        report::print_json(&figures)?
    } else {
        report::print_table(&figures)
    }
    if arguments.check { report::check(&figures) } else { Ok(()) }
}
