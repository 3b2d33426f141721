//! The live journal: one task reads it, every client follows it at its own pace.

mod client;
mod feed;
mod frame;
mod ring;

pub use client::{Client, Filter};
pub use feed::{Feed, NoRoom};
pub use frame::Frame;
