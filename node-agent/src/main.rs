//! `piecework-agent`, the node operator's daemon.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(piecework_agent::cli::main()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
