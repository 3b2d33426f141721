#![doc = include_str!("../README.md")]

pub mod engine;
pub mod json;
#[cfg(target_arch = "wasm32")]
mod near;
#[cfg(feature = "testing")]
pub mod testing;
