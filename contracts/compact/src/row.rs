//! Values inside an array that a reader takes apart by position: the rows of a journal.
//!
//! They differ from [`crate::json`] where that is shorter: bytes are unpadded base64, an empty string for zeros, and
//! structs are arrays of their fields.

#[cfg(feature = "host")]
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
#[cfg(feature = "host")]
pub use serde_json::Value;

use crate::json::{Text, push_decimal};

/// A value inside a row.
pub trait Field: Sized {
    /// Appends the value's JSON.
    fn write(&self, out: &mut Text);
    /// Reads it back; `None` if it is something else.
    #[cfg(feature = "host")]
    fn read(value: &Value) -> Option<Self>;
}

macro_rules! number_field {
    ($($ty:ty),*) => {$(
        impl Field for $ty {
            fn write(&self, out: &mut Text) {
                push_decimal(u128::from(*self), out);
            }
            #[cfg(feature = "host")]
            fn read(value: &Value) -> Option<Self> {
                value.as_u64()?.try_into().ok()
            }
        }
    )*};
}
number_field!(u8, u16, u32, u64);

impl Field for bool {
    fn write(&self, out: &mut Text) {
        out.push_str(if *self { "true" } else { "false" });
    }
    #[cfg(feature = "host")]
    fn read(value: &Value) -> Option<Self> {
        value.as_bool()
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
    fn read(value: &Value) -> Option<Self> {
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

/// A field after others. A function for each type, because every field of every row calls it.
#[inline(never)]
pub fn next<T: Field>(field: &T, out: &mut Text) {
    out.push(b',');
    field.write(out);
}

impl<T: Field> Field for Option<T> {
    fn write(&self, out: &mut Text) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
    #[cfg(feature = "host")]
    fn read(value: &Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Field> Field for Vec<T> {
    fn write(&self, out: &mut Text) {
        out.list(self, T::write);
    }
    #[cfg(feature = "host")]
    fn read(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::read).collect()
    }
}

/// Gives a type the row of its JSON, which serde reads.
#[macro_export]
macro_rules! json_row {
    ($type:ty) => {
        impl $crate::row::Field for $type {
            fn write(&self, out: &mut $crate::json::Text) {
                $crate::json::Write::write(self, out);
            }
            #[cfg(feature = "host")]
            fn read(value: &$crate::row::Value) -> Option<Self> {
                serde::Deserialize::deserialize(value).ok()
            }
        }
    };
}
json_row!(String);
