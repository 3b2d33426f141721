#![doc = include_str!("../README.md")]

pub mod market;
pub mod work;

pub use market::{Market, Setup};
