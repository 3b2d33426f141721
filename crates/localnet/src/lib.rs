#![doc = include_str!("../README.md")]

pub mod block;
pub mod chain;
pub mod cli;
pub mod faults;
pub mod home;
pub mod localnet;
pub mod node;
pub mod profile;
pub mod rate_limit;
mod rpc;
pub mod runtime;
pub mod state;
pub mod store;

pub use localnet::{Config, Localnet, StartError};
pub use profile::{Profile, Settings};
