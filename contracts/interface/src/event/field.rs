//! How the values inside an entry are written and read.

#[cfg(feature = "host")]
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use super::{Entry, Items};
use crate::{
    amount::Amount,
    config::Config,
    governance::{Change, Role},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    intent::{Kind, Kinds, PublicKey},
    json::{self, push_decimal},
    op::At,
    skip::Skip,
    terms::Verification,
    view::NodeStatus,
};

/// A value inside an entry.
pub trait Field: Sized {
    /// Appends the value's JSON.
    fn write(&self, out: &mut String);
    /// Reads it back; `None` if it is something else.
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self>;
}

macro_rules! number_field {
    ($($ty:ty),*) => {$(
        impl Field for $ty {
            fn write(&self, out: &mut String) {
                push_decimal(u128::from(*self), out);
            }
            #[cfg(feature = "host")]
            fn read(value: &serde_json::Value) -> Option<Self> {
                value.as_u64()?.try_into().ok()
            }
        }
    )*};
}
number_field!(u8, u16, u32, u64);

macro_rules! id_field {
    ($($ty:ident),*) => {$(
        impl Field for $ty {
            fn write(&self, out: &mut String) {
                self.0.write(out);
            }
            #[cfg(feature = "host")]
            fn read(value: &serde_json::Value) -> Option<Self> {
                Field::read(value).map(Self)
            }
        }
    )*};
}
id_field!(AccountNo, TokenId, ClassId, BatchId, LotId, Kinds, PublicKey);

impl Field for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Field for Amount {
    fn write(&self, out: &mut String) {
        out.push('"');
        push_decimal(self.0, out);
        out.push('"');
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        value.as_str()?.parse().ok().map(Self)
    }
}

impl Field for Items {
    fn write(&self, out: &mut String) {
        out.push('"');
        out.push_str(hex::encode(self.0.to_be_bytes()).trim_start_matches('0'));
        out.push('"');
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        let text = value.as_str()?;
        if text.is_empty() { Some(Self(0)) } else { u64::from_str_radix(text, 16).ok().map(Self) }
    }
}

impl<const N: usize> Field for [u8; N] {
    fn write(&self, out: &mut String) {
        out.push('"');
        if self.iter().any(|byte| *byte != 0) {
            push_base64(self, out);
        }
        out.push('"');
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        match value.as_str()? {
            "" => Some([0; N]),
            text => STANDARD_NO_PAD.decode(text).ok()?.try_into().ok(),
        }
    }
}

/// Appends bytes in base64 without padding, as the `base64` crate does in twenty times the code.
fn push_base64(bytes: &[u8], out: &mut String) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for part in bytes.chunks(3) {
        let byte = |index: usize| part.get(index).map_or(0, |byte| usize::from(*byte));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for letter in 0..=part.len() {
            out.push(char::from(LETTERS[bits >> (18 - 6 * letter) & 63]));
        }
    }
}

impl Field for Skip {
    fn write(&self, out: &mut String) {
        push_decimal(*self as u128, out);
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        Self::from_code(Field::read(value)?)
    }
}

/// A group is its number, a lot is its number in an array.
impl Field for At {
    fn write(&self, out: &mut String) {
        match self {
            Self::Group(group) => group.write(out),
            Self::Lot(lot) => {
                out.push('[');
                lot.write(out);
                out.push(']');
            }
        }
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        match value.as_array().map(Vec::as_slice) {
            None => Field::read(value).map(Self::Group),
            Some([lot]) => Field::read(lot).map(Self::Lot),
            Some(_) => None,
        }
    }
}

impl<T: Field> Field for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Field> Field for Vec<T> {
    fn write(&self, out: &mut String) {
        out.push('[');
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            value.write(out);
        }
        out.push(']');
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        value.as_array()?.iter().map(T::read).collect()
    }
}

impl Field for Entry {
    fn write(&self, out: &mut String) {
        Self::write(self, out);
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        Self::read(value)
    }
}

macro_rules! json_field {
    ($($ty:ty),*) => {$(
        impl Field for $ty {
            fn write(&self, out: &mut String) {
                json::Write::write(self, out);
            }
            #[cfg(feature = "host")]
            fn read(value: &serde_json::Value) -> Option<Self> {
                serde_json::from_str(&value.to_string()).ok()
            }
        }
    )*};
}
json_field!(String, Config, NodeStatus, Role, Change, Kind);

impl Field for Verification {
    fn write(&self, out: &mut String) {
        match self {
            Self::Consensus => out.push('0'),
            Self::Adjudicated { adjudicator, verdict_ttl_s } => {
                out.push('[');
                adjudicator.write(out);
                out.push(',');
                verdict_ttl_s.write(out);
                out.push(']');
            }
        }
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        match value.as_array().map(Vec::as_slice) {
            None => (value.as_u64()? == 0).then_some(Self::Consensus),
            Some([adjudicator, verdict_ttl_s]) => Some(Self::Adjudicated {
                adjudicator: Field::read(adjudicator)?,
                verdict_ttl_s: Field::read(verdict_ttl_s)?,
            }),
            Some(_) => None,
        }
    }
}
