#![doc = include_str!("../README.md")]
#![expect(clippy::as_conversions, reason = "in wasm `usize` has 32 bits, and codes are enums")]

pub mod codec;
mod forms;
pub mod json;
pub mod row;
