//! What decides: pure functions over [`crate::model`], for the contract, its mirrors and its agents alike.

pub mod admit;
pub mod classes;
pub mod commitment;
pub mod defaults;
pub mod dispute;
pub mod due;
pub mod journal;
pub mod keys;
pub mod lots;
pub mod merkle;
pub mod money;
pub mod node;
pub mod reputation;
pub mod round;
pub mod segments;
pub mod settlement;
pub mod sortition;
pub mod storage;
pub mod tally;
