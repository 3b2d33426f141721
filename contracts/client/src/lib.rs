#![doc = include_str!("../README.md")]

#[cfg(feature = "abi")]
pub mod abi;
pub mod calls;
pub mod token;
pub mod views;

pub use views::{Coordinator, View, ViewContract, pages};

use serde::Serialize;

/// A call of a method, as a transaction carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Method.
    pub method: &'static str,
    /// Arguments, JSON or Borsh as the method reads them.
    pub args: Vec<u8>,
    /// Gas to attach.
    pub gas: u64,
    /// yoctoNEAR to attach.
    pub deposit: u128,
}

/// JSON of arguments. It cannot fail for them: only maps with keys that are no strings can.
fn json(args: &(impl Serialize + ?Sized)) -> Vec<u8> {
    serde_json::to_vec(args).unwrap_or_default()
}

/// Borsh of arguments. It cannot fail for them: only lists of more than 2^32 elements can.
fn borsh(args: &(impl borsh::BorshSerialize + ?Sized)) -> Vec<u8> {
    borsh::to_vec(args).unwrap_or_default()
}
