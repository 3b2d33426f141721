#![doc = include_str!("../README.md")]

pub mod command;
mod finality;
mod journal;
pub mod market;
pub mod stack;
mod views;
pub mod work;

pub use command::Piecework;
pub use finality::Finality;
pub use market::{Market, Setup};
pub use stack::Stack;
