//! The client, the block source and the sender against a node that answers as told.
#![allow(non_snake_case, clippy::unwrap_used, clippy::expect_used)]

mod blocks;
mod fake;
mod finality;
mod history;
mod rpc;
mod send;
