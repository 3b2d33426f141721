#![doc = include_str!("../README.md")]

pub mod amount;
mod args;
mod commands;
mod context;
mod credentials;
mod demo;
mod files;
pub mod gold;
mod interrupt;
pub mod items;
mod output;
mod problem;
pub mod requests;
mod run;
pub mod stack;
mod terms;
mod tokens;
pub mod upload;

pub use args::Cli;
pub use run::run_args;
