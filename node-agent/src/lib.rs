#![doc = include_str!("../README.md")]

pub mod caller;
pub mod challenger;
pub mod cli;
pub mod commands;
pub mod config;
pub mod core;
pub mod executor;
pub mod gateway;
pub mod metrics;
pub mod payloads;
pub mod preflight;
pub mod record;
pub mod run;
pub mod status_file;
pub mod store;
pub mod watch;
