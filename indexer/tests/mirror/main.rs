//! The mirror under tests: planner, writer and follower over a chain on paper. One binary, so that it links once.
#![allow(non_snake_case, clippy::unwrap_used, clippy::expect_used)]

mod command;
mod commit;
mod follow;
mod paper;
mod plan;
