//! JSON of arguments, views and terms, small enough for the contract.
//!
//! Every call pays for loading the whole code, and the general libraries cost a third of it: so the contract reads and
//! writes JSON by these two traits. Outside the contract the same types go through serde; tests hold the two forms equal.
//!
//! A type lists its fields once more, and the compiler sees that none is forgotten:
//!
//! ```text
//! write_fields!(Root { seq, head: hex, active_tickets });      all fields, in this order
//! read_fields!(Terms { class, reward } verification);          needed fields, then those that may be left out
//! ```

mod intent;
mod read;
mod types;
mod write;

pub use read::{Read, ReadError, Reader, parse};
pub use write::{Write, to_string};

pub(crate) use read::read_fields;
pub(crate) use write::{push_decimal, push_hex, write_fields};
