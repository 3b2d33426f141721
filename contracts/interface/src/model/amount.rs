//! A `u128` amount whose JSON form is a decimal string, as NEAR contracts write amounts.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{
    json::{Read, Reader, Text, Write, decimal, push_decimal},
    json_row, transparent,
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

/// An amount in the smallest unit of its token (yoctoNEAR for NEAR).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(value_type = String, example = "1000000", pattern = "^[0-9]{1,39}$"))]
pub struct Amount(pub u128);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Decimal)
    }
}

/// Takes borrowed and owned strings alike, so that amounts can be read from a slice, a reader or a JSON value.
struct Decimal;

impl Visitor<'_> for Decimal {
    type Value = Amount;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a decimal string below 2^128")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        // `u128::from_str` takes a sign, which no NEAR contract writes.
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let amount = if digits { text.parse().ok() } else { None };
        amount.map(Amount).ok_or_else(|| E::custom("an amount is a decimal string below 2^128"))
    }
}

impl core::fmt::Display for Amount {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u128> for Amount {
    fn from(value: u128) -> Self {
        Self(value)
    }
}

impl From<Amount> for u128 {
    fn from(value: Amount) -> Self {
        value.0
    }
}

transparent!(Amount as [borsh]);

/// A string of decimal digits.
impl Write for Amount {
    fn write(&self, out: &mut Text) {
        out.push(b'"');
        push_decimal(self.0, out);
        out.push(b'"');
    }
}

impl Read for Amount {
    fn read(reader: &mut Reader<'_>) -> Self {
        let text = String::read(reader);
        Self(decimal(text.as_bytes()).unwrap_or_else(|| {
            reader.fail();
            0
        }))
    }
}

json_row!(Amount);
