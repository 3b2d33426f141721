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
    json::{self, Text, push_decimal, push_nibbles},
    op::At,
    skip::Skip,
    terms::Verification,
    view::NodeStatus,
};

/// A value inside an entry.
pub trait Field: Sized {
    /// Appends the value's JSON.
    fn write(&self, out: &mut Text);
    /// Reads it back; `None` if it is something else.
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self>;
}

macro_rules! number_field {
    ($($ty:ty),*) => {$(
        impl Field for $ty {
            fn write(&self, out: &mut Text) {
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
            fn write(&self, out: &mut Text) {
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
    fn write(&self, out: &mut Text) {
        out.push_str(if *self { "true" } else { "false" });
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Field for Amount {
    fn write(&self, out: &mut Text) {
        out.push(b'"');
        push_decimal(self.0, out);
        out.push(b'"');
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        value.as_str()?.parse().ok().map(Self)
    }
}

impl Field for Items {
    fn write(&self, out: &mut Text) {
        out.push(b'"');
        push_nibbles(self.0, out);
        out.push(b'"');
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        let text = value.as_str()?;
        if text.is_empty() { Some(Self(0)) } else { u64::from_str_radix(text, 16).ok().map(Self) }
    }
}

impl<const N: usize> Field for [u8; N] {
    fn write(&self, out: &mut Text) {
        out.push(b'"');
        if self.iter().any(|byte| *byte != 0) {
            push_base64(self, out);
        }
        out.push(b'"');
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
fn push_base64(bytes: &[u8], out: &mut Text) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count) = (0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 6 {
            count -= 6;
            out.push(LETTERS[(bits >> count & 63) as usize]);
        }
    }
    if count > 0 {
        out.push(LETTERS[(bits << (6 - count) & 63) as usize]);
    }
}

impl Field for Skip {
    fn write(&self, out: &mut Text) {
        push_decimal(*self as u128, out);
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        Self::from_code(Field::read(value)?)
    }
}

/// A group is its number, a lot is its number in an array.
impl Field for At {
    fn write(&self, out: &mut Text) {
        match self {
            Self::Group(group) => group.write(out),
            Self::Lot(lot) => {
                out.push(b'[');
                lot.write(out);
                out.push(b']');
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
    fn write(&self, out: &mut Text) {
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
    fn write(&self, out: &mut Text) {
        out.push(b'[');
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            value.write(out);
        }
        out.push(b']');
    }
    #[cfg(feature = "host")]
    fn read(value: &serde_json::Value) -> Option<Self> {
        value.as_array()?.iter().map(T::read).collect()
    }
}

impl Field for Entry {
    fn write(&self, out: &mut Text) {
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
            fn write(&self, out: &mut Text) {
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
    fn write(&self, out: &mut Text) {
        match self {
            Self::Consensus => out.push(b'0'),
            Self::Adjudicated { adjudicator, verdict_ttl_s } => {
                out.push(b'[');
                adjudicator.write(out);
                out.push(b',');
                verdict_ttl_s.write(out);
                out.push(b']');
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
