//! The call's arguments.

use near_sdk::env;
use piecework_compact::{
    codec::{self, Codec},
    json::Read,
};

use super::settle;
use crate::{
    engine::Error,
    json::{self, Args},
};

/// JSON arguments with these names; no input is an empty object.
pub fn read(names: &'static [&'static str]) -> Args {
    let input = env::input().unwrap_or_default();
    if input.is_empty() { Args::default() } else { settle(json::arguments(&input, names)) }
}

/// JSON arguments of a type of their own.
pub fn read_as<T: Read>() -> T {
    parse(&env::input().unwrap_or_default())
}

/// Borsh arguments.
pub fn read_borsh<T: Codec>() -> T {
    let input = env::input().unwrap_or_default();
    settle(codec::decode(&input).ok_or(Error::Input("the arguments are not the method's Borsh")))
}

/// A JSON text.
pub fn parse<T: Read>(text: &[u8]) -> T {
    settle(json::parse(text))
}

/// An argument that must be there.
pub fn need<T>(value: Option<T>, name: &'static str) -> T {
    settle(value.ok_or(Error::Argument(name)))
}
