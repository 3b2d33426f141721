//! `piecework`, the requester's and administrator's command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    piecework_cli::run(piecework_cli::Cli::parse())
}
