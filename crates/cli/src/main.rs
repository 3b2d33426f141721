#![doc = include_str!("../README.md")]

mod args;
mod classes;
mod commands;
mod context;
mod credentials;
mod files;
mod global;
mod gold;
mod items;
mod send;
mod terms;
mod tokens;
mod upload;

use std::process::ExitCode;

use args::{Cli, Command};
use commands::{account, batch, class, contract, deploy, govern, intent, node, operator, revenue, token, up, upgrade};
use context::Context;
use piecework_console::Output;

fn main() -> ExitCode {
    match piecework_console::parse::<Cli>(std::env::args_os()) {
        Ok(cli) => piecework_console::run(cli.global.json, run(cli)),
        Err(code) => code,
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let output = Output::new(cli.global.json, cli.global.quiet);
    // These stop what they have started, or go on where they stopped.
    if !matches!(cli.command, Command::Up(_) | Command::Upgrade(_) | Command::Deploy(_)) {
        send::end_when_interrupted(output)?;
    }
    let context = || Context::new(cli.global, output);
    match cli.command {
        // A network of its own, whatever the options and the environment name.
        Command::Up(args) => up::run(output, args).await,
        Command::Verify(args) => batch::run(&context()?, batch::BatchCommand::Verify(args)).await,
        Command::Batch(command) => batch::run(&context()?, command).await,
        Command::Account(command) => account::run(&context()?, command).await,
        Command::Node(command) => node::run(&context()?, command).await,
        Command::Operator(command) => operator::run(&context()?, command).await,
        Command::Class(command) => class::run(&context()?, command).await,
        Command::Token(command) => token::run(&context()?, command).await,
        Command::Deploy(args) => deploy::run(&context()?, args).await,
        Command::Upgrade(args) => upgrade::run(&context()?, args).await,
        Command::Contract(command) => contract::run(&context()?, command).await,
        Command::Govern(command) => govern::run(&context()?, command).await,
        Command::Tip(args) => intent::tip::run(&context()?, args).await,
        Command::Intent(command) => intent::run(&context()?, command).await,
        Command::Revenue(command) => revenue::run(&context()?, command).await,
    }
}
