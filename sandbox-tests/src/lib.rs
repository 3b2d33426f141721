#![doc = include_str!("../README.md")]

pub mod command;
mod finality;
mod journal;
pub mod market;
mod public_network;
pub mod stack;
mod views;
pub mod work;

pub use command::Piecework;
pub use finality::Finality;
pub use market::{Market, Setup};
pub use public_network::PublicNetwork;
pub use stack::Stack;
