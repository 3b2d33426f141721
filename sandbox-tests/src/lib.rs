#![doc = include_str!("../README.md")]

pub mod command;
mod finality;
mod journal;
pub mod market;
mod programs;
mod public_network;
mod stack;
mod until;
mod views;
pub mod work;

pub use command::Piecework;
pub use finality::Finality;
pub use market::{Market, Setup};
pub use programs::{database_url, programs};
pub use public_network::PublicNetwork;
pub use stack::{Agent, Stack};
pub use until::until;
