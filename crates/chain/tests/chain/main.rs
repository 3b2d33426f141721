//! The client, the block source and the sender against a node that answers as told.
#![expect(
    clippy::as_conversions,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what goes wrong here fails the test"
)]

mod blocks;
mod fake;
mod finality;
mod history;
mod rpc;
mod send;
