//! From the command line to the command.

use piecework_console::Output;

use crate::{
    args::{Cli, Command},
    commands::{account, batch, contract, epoch, govern, intent, node, token, up},
    context::Context,
};

/// Runs the command of a command line.
///
/// # Errors
/// If it does not succeed.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let output = Output::new(cli.global.json, cli.global.quiet);
    let context = || Context::new(cli.global, output);
    match cli.command {
        // A network of its own, whatever the options and the environment name.
        Command::Up(args) => up::run(output, args).await,
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
