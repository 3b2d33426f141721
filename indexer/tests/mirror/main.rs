//! The mirror under tests: planner, writer and follower over a chain on paper. One binary, so that it links once.
#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod command;
mod commit;
mod follow;
mod paper;
mod plan;
