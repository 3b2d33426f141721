//! JSON arguments. One struct for nearly all methods costs a tenth of one struct per method.

use borsh::BorshDeserialize;
use near_sdk::env;
use piecework_interface::{
    amount::Amount,
    config::Config,
    ids::{BatchId, ClassId, LotId, TokenId},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::settle;
use crate::engine::Error;

/// Every argument that any method takes; fields of other methods are ignored, as unknown ones are.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Args {
    pub account_id: Option<String>,
    pub amount: Option<Amount>,
    pub batch: Option<BatchId>,
    pub bond_rate: Option<Amount>,
    pub classes: Option<Vec<ClassId>>,
    pub config: Option<Config>,
    pub from: Option<u32>,
    pub limit: Option<u32>,
    pub lot: Option<LotId>,
    pub lots: Option<Vec<LotId>>,
    pub min_reward: Option<Amount>,
    pub msg: Option<String>,
    pub owner_id: Option<String>,
    pub registration_only: Option<bool>,
    pub rep_unit: Option<Amount>,
    pub sender_id: Option<String>,
    pub token: Option<TokenId>,
}

/// The call's JSON arguments.
pub fn read() -> Args {
    let input = env::input().unwrap_or_default();
    if input.is_empty() { Args::default() } else { parse(&input) }
}

/// Parses JSON.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> T {
    let mut unescaped = vec![0; bytes.len()];
    let parsed = serde_json_core::from_slice_escaped(bytes, &mut unescaped);
    settle(parsed.map(|(value, _)| value).map_err(|_| Error::Json))
}

/// The call's Borsh arguments.
pub fn read_borsh<T: BorshDeserialize>() -> T {
    let input = env::input().unwrap_or_default();
    settle(borsh::from_slice(&input).map_err(|_| Error::Input("the arguments are not the method's Borsh")))
}

/// An argument that must be there.
pub fn need<T>(value: Option<T>, name: &'static str) -> T {
    settle(value.ok_or(Error::Missing(name)))
}
