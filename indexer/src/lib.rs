#![doc = include_str!("../README.md")]

pub mod command;
pub mod commit;
pub mod config;
pub mod follow;
pub mod metadata;
pub mod metrics;
pub mod plan;
pub mod progress;
pub mod rebuild;
pub mod reconcile;
pub mod run;
pub mod serve;
#[cfg(feature = "testing")]
pub mod testing;
