//! From the command line to the command, and from its error to the exit code.

use std::{ffi::OsString, future::Future, io::Write, process::ExitCode};

use clap::Parser;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use crate::problem::fix_of;

/// Reads a command line. Help and version are printed here, with exit code 0.
///
/// # Errors
/// Exit code 2 if the command line is wrong, which is then reported, with `--json` as JSON.
pub fn parse<C: Parser>(args: impl IntoIterator<Item = OsString>) -> Result<C, ExitCode> {
    let args: Vec<OsString> = args.into_iter().collect();
    match C::try_parse_from(&args) {
        Ok(command) => Ok(command),
        Err(error) if error.use_stderr() && args.iter().any(|arg| arg == "--json") => {
            drop(writeln!(std::io::stderr().lock(), "{}", usage(&error)));
            Err(ExitCode::from(2))
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

/// Runs a command and reports its error, if any, to stderr. `RUST_LOG` chooses what is logged there.
pub fn run(json: bool, command: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(command));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed stderr must not hide the exit code.
            drop(writeln!(std::io::stderr().lock(), "{}", report(&error, json)));
            ExitCode::FAILURE
        }
    }
}

/// The error with its causes and its fix, for a person or a program.
#[must_use]
pub fn report(error: &anyhow::Error, as_json: bool) -> String {
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
    use super::*;
    use crate::{amount::Decimal, problem::Problem};

    #[derive(Debug, Parser)]
    struct Command {
        #[arg(allow_negative_numbers = true)]
        _amount: Decimal,
    }

    #[test]
    fn usage__should_name_the_negative_amount() {
        let value = usage(&Command::try_parse_from(["piecework", "-5"]).unwrap_err());
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
