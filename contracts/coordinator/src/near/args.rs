//! The call's arguments.

use borsh::BorshDeserialize;
use near_sdk::env;
use serde::de::DeserializeOwned;

use super::settle;
use crate::{
    engine::Error,
    json::{self, Args},
};

/// JSON arguments; none are an empty object.
pub fn read() -> Args {
    let input = env::input().unwrap_or_default();
    if input.is_empty() { Args::default() } else { parse(&input) }
}

/// JSON arguments of a type of their own.
pub fn read_as<T: DeserializeOwned>() -> T {
    parse(&env::input().unwrap_or_default())
}

/// Borsh arguments.
pub fn read_borsh<T: BorshDeserialize>() -> T {
    let input = env::input().unwrap_or_default();
    settle(borsh::from_slice(&input).map_err(|_| Error::Input("the arguments are not the method's Borsh")))
}

/// A JSON text.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> T {
    settle(json::parse(text))
}

/// An argument that must be there.
pub fn need<T>(value: Option<T>, name: &'static str) -> T {
    settle(value.ok_or(Error::Missing(name)))
}
