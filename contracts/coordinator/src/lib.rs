#![doc = include_str!("../README.md")]
#![expect(clippy::as_conversions, reason = "in wasm `usize` has 32 bits, and codes are enums")]

pub mod engine;
pub mod json;
#[cfg(target_arch = "wasm32")]
mod near;
#[cfg(feature = "testing")]
pub mod testing;
