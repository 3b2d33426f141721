#![doc = include_str!("../README.md")]

pub mod app;
pub mod blobs;
mod clock;
pub mod config;
pub mod cursor;
pub mod endpoints;
pub mod extract;
pub mod figures;
pub mod gold;
pub mod indexed;
pub mod middleware;
pub mod observe;
pub mod problem;
pub mod router;
pub mod serve;
pub mod stream;
#[cfg(test)]
mod testing;
pub mod transaction;

pub use app::App;
pub use config::Config;
pub use serve::serve;
