#![doc = include_str!("../README.md")]

mod journal;
pub mod market;
pub mod stack;
mod views;
pub mod work;

pub use market::{Market, Setup};
pub use stack::Stack;
