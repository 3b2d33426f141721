//! JSON in and out, by two small libraries without floats: the reader formats no error texts, which alone would be
//! 30 KB, and the writer allocates as it goes.

use piecework_interface::{
    amount::Amount,
    config::Config,
    ids::{BatchId, ClassId, LotId, TokenId},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::engine::Error;

/// The arguments of all methods but `batch_create`; one struct for all costs a tenth of one struct per method. Fields of
/// other methods are ignored, as unknown ones are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the table of methods in piecework_interface::call says what they mean")]
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

/// Reads a JSON text.
///
/// # Errors
/// It is no JSON, or not of this type.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let mut unescaped = vec![0; text.len()];
    match serde_json_core::from_slice_escaped(text, &mut unescaped) {
        Ok((value, read)) if text[read..].trim_ascii().is_empty() => Ok(value),
        Ok(_) | Err(_) => Err(Error::Json),
    }
}

/// Writes a value as JSON.
///
/// # Errors
/// The value has a part that JSON cannot hold.
pub fn write(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json_wasm::to_vec(value).map_err(|_| Error::Internal("the answer cannot be encoded"))
}
