//! JSON of arguments, views and terms, small enough for the contract.
//!
//! Every call pays for loading the whole code, and the general libraries cost a third of it: so the contract reads and
//! writes JSON by these two traits, which `forms` implements. Outside the contract the same types go through
//! serde; tests hold the two forms equal.

mod read;
mod write;

pub use read::{Read, ReadError, Reader, decimal, parse, parse_by};
pub use write::{Text, Write, push_decimal, push_hex, push_named, push_nibbles, to_string, write_all};

/// Gives an enum without values its word in JSON, as `serde(rename_all = "snake_case")` would.
#[macro_export]
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $crate::json::Write for $type {
            fn write(&self, out: &mut $crate::json::Text) {
                out.push_str(match self { $(Self::$variant => concat!("\"", $word, "\""),)* });
            }
        }
    };
}
