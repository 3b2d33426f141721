//! `piecework`, the requester's and administrator's command.

use std::process::ExitCode;

use piecework_cli::Cli;

fn main() -> ExitCode {
    match piecework_console::parse::<Cli>(std::env::args_os()) {
        Ok(cli) => piecework_console::run(cli.is_json(), piecework_cli::run(cli)),
        Err(code) => code,
    }
}
