//! The JSON forms of the API. They name things as the contract's views do and add what a mirror knows: account ids,
//! counts, history. Amounts are decimal strings in the smallest unit, digests hex, item sets 16 hex digits with bit i
//! for item i of the lot, times Unix seconds.

mod batch;
mod case;
mod lot;
mod node;

pub use batch::{Batch, Callback, Counts, Fixed, Progress, Terms, Verification};
pub use case::{Case, Challenge, Decided, Verdict};
pub use lot::{Draw, Lot, LotWithSlots, Settlement, Slot};
pub use node::{ClassRecord, Node};

use piecework_interface::view;
use serde::Serialize;
use utoipa::ToSchema;

/// An amount in the smallest unit of its token, as a decimal string.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, example = "1000000")]
pub struct Amount(piecework_interface::amount::Amount);

impl From<piecework_interface::amount::Amount> for Amount {
    fn from(amount: piecework_interface::amount::Amount) -> Self {
        Self(amount)
    }
}

/// An amount of one token.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Balance {
    /// Token.
    pub token: u16,
    /// Amount.
    pub amount: Amount,
}

impl From<view::Balance> for Balance {
    fn from(balance: view::Balance) -> Self {
        Self { token: balance.token.0, amount: balance.amount.into() }
    }
}

/// An item set: 16 hex digits, bit i for item i of the lot.
#[must_use]
pub fn item_set(bits: u64) -> String {
    format!("{bits:016x}")
}
