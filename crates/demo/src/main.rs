#![doc = include_str!("../README.md")]

mod agents;
mod args;
mod checks;
mod coalition;
mod demo;
mod digits;
mod gas;
mod incidents;
mod ledger;
mod progress;
mod report;
mod requester;
mod run;
mod settle;

use std::process::ExitCode;

fn main() -> ExitCode {
    match piecework_console::parse::<args::DemoArgs>(std::env::args_os()) {
        Ok(args) => piecework_console::run(args.json, demo::run(args)),
        Err(code) => code,
    }
}
