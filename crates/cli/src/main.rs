//! `piecework`, the requester's and administrator's command.

use std::process::ExitCode;

fn main() -> ExitCode {
    piecework_cli::run_args(std::env::args_os())
}
