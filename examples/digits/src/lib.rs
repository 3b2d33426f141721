#![doc = include_str!("../README.md")]

pub mod classifier;
pub mod image;
pub mod protocol;
