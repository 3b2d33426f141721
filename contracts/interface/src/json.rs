//! JSON of arguments, views and terms, small enough for the contract.
//!
//! Every call pays for loading the whole code, and the general libraries cost a third of it: so the contract reads and
//! writes JSON by these two traits, which [`crate::forms`] implements. Outside the contract the same types go through
//! serde; tests hold the two forms equal.

mod intent;
mod read;
mod types;
mod write;

pub use read::{Read, ReadError, Reader, parse};
pub use types::Deposit;
pub use write::{Text, Write, push_hex, to_string};

pub(crate) use write::{push_decimal, push_nibbles};
