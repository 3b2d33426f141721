#![doc = include_str!("../README.md")]

mod args;
mod commands;
mod context;
mod credentials;
mod files;
mod global;
pub mod gold;
pub mod items;
mod run;
mod terms;
mod tokens;
pub mod upload;

pub use args::Cli;
pub use run::run;
