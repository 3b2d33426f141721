//! From the command line to the command, and from its error to the exit code.

use std::{ffi::OsString, io::Write, process::ExitCode};

use clap::Parser;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use crate::{
    args::{Cli, Command},
    commands::{account, batch, contract, epoch, govern, intent, node, token, up},
    context::Context,
    demo,
    output::Output,
    problem::fix_of,
};

/// Reads a command line and runs it. A mistake in it ends with exit code 2.
pub fn run_args(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    match Cli::try_parse_from(&args) {
        Ok(cli) => run(cli),
        Err(error) if error.use_stderr() && args.iter().any(|arg| arg == "--json") => {
            drop(writeln!(std::io::stderr().lock(), "{}", usage(&error)));
            ExitCode::from(2)
        }
        Err(error) => error.exit(),
    }
}

/// A mistake in the command line, for a program.
fn usage(error: &clap::Error) -> serde_json::Value {
    let text = error.to_string();
    let what = text.split("\n\n").next().unwrap_or(&text);
    json!({ "error": what.trim_start_matches("error: "), "causes": [], "fix": "see --help of the command" })
}

/// Runs the command and reports its error, if any, to stderr.
fn run(cli: Cli) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let json = cli.global.json;
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(dispatch(cli)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // When stderr is closed there is nobody left to tell.
            drop(writeln!(std::io::stderr().lock(), "{}", report(&error, json)));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<()> {
    let output = Output::new(cli.global.json, cli.global.quiet);
    let context = || Context::new(cli.global, output);
    match cli.command {
        // These two make a network of their own, whatever the options and the environment name.
        Command::Up(args) => up::run(output, args).await,
        Command::Demo(args) => demo::run(output, args).await,
        Command::Batch(command) => batch::run(&context()?, command).await,
        Command::Account(command) => account::run(&context()?, command).await,
        Command::Node(command) => node::run(&context()?, command).await,
        Command::Token(command) => token::run(&context()?, command).await,
        Command::Contract(command) => contract::run(&context()?, command).await,
        Command::Govern(command) => govern::run(&context()?, command).await,
        Command::Epoch(command) => epoch::run(&context()?, command).await,
        Command::Intent(command) => intent::run(&context()?, command).await,
    }
}

/// The error with its causes and its fix, for a person or a program.
fn report(error: &anyhow::Error, as_json: bool) -> String {
    let fix = fix_of(error);
    let mut texts: Vec<String> = error.chain().map(ToString::to_string).collect();
    // An error that wraps another transparently says the same twice.
    texts.dedup();
    if as_json {
        return json!({ "error": texts[0], "causes": texts[1..], "fix": fix }).to_string();
    }
    let causes = texts[1..].iter().map(|cause| format!("\n  cause: {cause}")).collect::<String>();
    let fix = fix.map(|fix| format!("\n  fix: {fix}")).unwrap_or_default();
    format!("error: {}{causes}{fix}", texts[0])
}

#[cfg(test)]
mod tests {
    #![allow(non_snake_case)]
    use super::*;
    use crate::problem::Problem;

    #[test]
    fn usage__should_name_the_negative_amount() {
        let args = ["piecework", "--json", "account", "deposit", "-5"];
        let value = usage(&Cli::try_parse_from(args).unwrap_err());
        let text = value["error"].as_str().unwrap();
        assert!(text.contains("`-5` is not an amount"), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }

    #[test]
    fn report__should_show_what_why_and_the_fix() {
        let error = anyhow::anyhow!("connection refused").context(Problem::new("the gateway is down", "start it"));
        assert_eq!(report(&error, false), "error: the gateway is down\n  cause: connection refused\n  fix: start it");
        let value: serde_json::Value = serde_json::from_str(&report(&error, true)).unwrap();
        assert_eq!(value["fix"], "start it");
    }
}
