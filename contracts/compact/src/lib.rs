#![doc = include_str!("../README.md")]

pub mod codec;
mod forms;
pub mod json;
pub mod row;
