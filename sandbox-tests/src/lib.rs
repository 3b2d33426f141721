#![doc = include_str!("../README.md")]

pub mod market;
pub mod stack;
pub mod work;

pub use market::{Market, Setup};
pub use stack::Stack;
