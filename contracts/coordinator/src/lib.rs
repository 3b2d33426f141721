#![doc = include_str!("../README.md")]

pub mod engine;
#[cfg(target_arch = "wasm32")]
mod near;
